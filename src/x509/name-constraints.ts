/**
 * Name constraints (RFC 5280 §4.2.1.10) on DNS, e-mail, URI, IP and directory names. A constraint on
 * any other form refuses certificates that carry a name of that form, and a name that cannot be read
 * as its form asks (a URI without a host, say) does not satisfy a constraint on it. `minimum` other
 * than 0 and `maximum` are malformed, as RFC 5280 demands.
 */
import { InputError, VerificationError } from '../errors.ts'
import { readChildren, readDer, TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { parseGeneralName } from './general-name.ts'
import type { GeneralName } from './general-name.ts'
import { emailAddresses, isWithinName } from './name.ts'
import type { DistinguishedName } from './name.ts'

export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** Comparisons one certificate may cost; names times constraints is what an attacker multiplies. */
const COMPARISONS_MAX = 20_000
const TAG_PERMITTED = 0xa0
const TAG_EXCLUDED = 0xa1

function parseSubtree(element: DerElement): GeneralName {
  const [base, ...range] = element.tag === TAG.sequence ? readChildren(element) : []
  if (base === undefined) throw new InputError('ERR_X509_MALFORMED', 'not a GeneralSubtree')
  if (range.length > 0) {
    throw new InputError(
      'ERR_X509_MALFORMED',
      'a subtree has no minimum and maximum in this profile',
    )
  }
  const name = parseGeneralName(base)
  if (name.kind === 'ip' && name.value.length !== 8 && name.value.length !== 32) {
    throw new InputError('ERR_X509_MALFORMED', 'an IP constraint has 8 or 32 bytes')
  }
  if (name.kind === 'ip') prefixBits(name.value.subarray(name.value.length / 2))
  return name
}

/** Number of leading one bits of an IP mask, which has no other ones (RFC 4632 style). */
function prefixBits(mask: Uint8Array): number {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const length = bits.lastIndexOf('1') + 1
  if (bits.slice(0, length).includes('0')) {
    throw new InputError('ERR_X509_MALFORMED', 'an IP constraint has a mask with gaps')
  }
  return length
}

/**
 * Parses the value of a nameConstraints extension.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function parseNameConstraints(der: Uint8Array): NameConstraints {
  let permitted: GeneralName[] = []
  let excluded: GeneralName[] = []
  const lists = readChildren(readDer(der, TAG.sequence))
  if (lists.length === 0) throw new InputError('ERR_X509_MALFORMED', 'empty name constraints')
  let previous = 0
  for (const list of lists) {
    if ((list.tag !== TAG_PERMITTED && list.tag !== TAG_EXCLUDED) || list.tag <= previous) {
      throw new InputError('ERR_X509_MALFORMED', 'not name constraints')
    }
    previous = list.tag
    const subtrees = readChildren(list).map(parseSubtree)
    if (subtrees.length === 0) throw new InputError('ERR_X509_MALFORMED', 'empty list of subtrees')
    if (list.tag === TAG_PERMITTED) permitted = subtrees
    else excluded = subtrees
  }
  return { permitted, excluded }
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

function isWithin(name: GeneralName, base: GeneralName): boolean {
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
function isExcluded(name: GeneralName, base: GeneralName): boolean {
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

function sameForm(a: GeneralName, b: GeneralName): boolean {
  if (a.kind === 'other' || b.kind === 'other') {
    return a.kind === 'other' && b.kind === 'other' && a.tag === b.tag
  }
  return a.kind === b.kind
}

function violation(message: string): VerificationError {
  return new VerificationError('ERR_X509_PATH', message)
}

function checkName(name: GeneralName, constraints: NameConstraints): void {
  const excluded = constraints.excluded.filter((base) => sameForm(name, base))
  const permitted = constraints.permitted.filter((base) => sameForm(name, base))
  if (name.kind === 'other' && excluded.length + permitted.length > 0) {
    throw violation('name constraint on a form of name that is not supported')
  }
  if (excluded.some((base) => isExcluded(name, base))) {
    throw violation(`${name.kind} name lies in an excluded subtree`)
  }
  if (permitted.length > 0 && !permitted.some((base) => isWithin(name, base))) {
    throw violation(`${name.kind} name lies outside the permitted subtrees`)
  }
}

/**
 * Checks the names of one certificate against the constraints of one CA above it.
 * @throws VerificationError `ERR_X509_PATH`
 */
export function checkNameConstraints(
  certificate: {
    readonly subject: DistinguishedName
    readonly subjectAltNames: readonly GeneralName[]
  },
  constraints: NameConstraints,
): void {
  const names: GeneralName[] = [...certificate.subjectAltNames]
  if (certificate.subject.rdns.length > 0) {
    names.push({ kind: 'directory', value: certificate.subject })
  }
  for (const value of emailAddresses(certificate.subject)) names.push({ kind: 'email', value })
  const subtrees = constraints.permitted.length + constraints.excluded.length
  if (names.length * subtrees > COMPARISONS_MAX) throw violation('too many names and constraints')
  for (const name of names) checkName(name, constraints)
}
