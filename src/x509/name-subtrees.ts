/**
 * Whether a name lies within a subtree of name constraints (RFC 5280 §4.2.1.10).
 */
import { InputError } from '../errors.ts'
import type { GeneralName } from './general-name.ts'
import { isWithinName } from './name.ts'

/** Number of leading one bits of an IP mask, which has no other ones (RFC 4632 style). */
export function prefixBits(mask: Uint8Array): number {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const length = bits.lastIndexOf('1') + 1
  if (bits.slice(0, length).includes('0')) {
    throw new InputError('ERR_X509_MALFORMED', 'an IP constraint has a mask with gaps')
  }
  return length
}

/** Host names compare without case; a trailing dot is the same host. */
function foldHost(host: string): string {
  const folded = host.toLowerCase()
  return folded.endsWith('.') ? folded.slice(0, -1) : folded
}

function isWithinDns(name: string, base: string): boolean {
  const host = foldHost(name)
  const domain = foldHost(base)
  // RFC 5280 gives a leading dot no meaning here; as others do, it means "below, not the host itself".
  if (domain.startsWith('.')) return host.endsWith(domain) && host !== domain
  return domain === '' || host === domain || host.endsWith(`.${domain}`)
}

/** E-mail and URI hosts: ".example.com" means any host below, "example.com" that host alone. */
function isWithinHost(name: string, base: string): boolean {
  const host = foldHost(name)
  const domain = foldHost(base)
  if (domain === '') return true
  return domain.startsWith('.') ? host.endsWith(domain) && host !== domain : host === domain
}

function isWithinEmail(name: string, base: string): boolean {
  const at = name.lastIndexOf('@')
  if (at <= 0 || at === name.length - 1) return false
  if (!base.includes('@')) return isWithinHost(name.slice(at + 1), base)
  const baseAt = base.lastIndexOf('@')
  // The local part is exact where it permits; `isExcluded` folds case before it calls.
  return (
    name.slice(0, at) === base.slice(0, baseAt) &&
    foldHost(name.slice(at + 1)) === foldHost(base.slice(baseAt + 1))
  )
}

/** The host of an absolute URI; `undefined` for none and for IP addresses, as RFC 5280 asks. */
function uriHost(uri: string): string | undefined {
  const scheme = uri.indexOf('://')
  if (scheme <= 0) return undefined
  const authority = uri.slice(scheme + 3).split(/[/?#\\]/, 1)[0]!
  const host = authority.slice(authority.lastIndexOf('@') + 1).split(':', 1)[0]!
  if (!/^[A-Za-z0-9_.-]+$/.test(host) || /^[0-9.]+$/.test(host)) return undefined
  return host
}

function isWithinIp(address: Uint8Array, base: Uint8Array): boolean {
  if (base.length !== address.length * 2) return false
  const bits = prefixBits(base.subarray(address.length))
  const whole = Math.floor(bits / 8)
  const unit = 2 ** (8 - (bits % 8))
  return address.subarray(0, Math.ceil(bits / 8)).every((byte, i) => {
    const own = base[i]!
    return i < whole ? byte === own : Math.floor(byte / unit) === Math.floor(own / unit)
  })
}

export function isWithin(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'dns' && base.kind === 'dns') return isWithinDns(name.value, base.value)
  if (name.kind === 'email' && base.kind === 'email') return isWithinEmail(name.value, base.value)
  if (name.kind === 'uri' && base.kind === 'uri') {
    const host = uriHost(name.value)
    return host !== undefined && isWithinHost(host, base.value)
  }
  if (name.kind === 'ip' && base.kind === 'ip') return isWithinIp(name.value, base.value)
  if (name.kind === 'directory' && base.kind === 'directory') {
    return isWithinName(name.value, base.value)
  }
  return false
}

/** What an excluded subtree catches: everything within, and every name that cannot be judged. */
export function isExcluded(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'uri' && uriHost(name.value) === undefined) return true
  if (name.kind === 'email' && base.kind === 'email') {
    if (!/^[^@]+@[^@]+$/.test(name.value)) return true
    return isWithinEmail(name.value.toLowerCase(), base.value.toLowerCase())
  }
  if (name.kind === 'dns' && base.kind === 'dns') {
    const domain = base.value.startsWith('.') ? base.value.slice(1) : base.value
    // A wildcard reaches into an excluded name that lies below its own domain.
    const reached = name.value.startsWith('*.') && isWithinDns(domain, name.value.slice(2))
    return reached || isWithinDns(name.value, domain)
  }
  return isWithin(name, base)
}
