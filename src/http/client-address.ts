/**
 * Who a request comes from, as far as rate limits care: an IPv4 address, or the /64 network of an
 * IPv6 one, since one host owns all of that. X-Forwarded-For counts only when the operator says
 * that a proxy sets it, and then only its last address, the one that this proxy saw.
 */
import type { IncomingMessage } from 'node:http'

const IPV6_GROUPS = 8
const IPV6_NETWORK_GROUPS = 4

export interface ClientRules {
  readonly trustProxy: boolean
  /** Clients on this machine have no limit of their own. */
  readonly loopbackIsExempt: boolean
}

/**
 * The key of the bucket that a request is counted in; `undefined` when it is exempt. A forwarded
 * address is never taken for a local one.
 */
export function clientOf(
  req: IncomingMessage,
  { trustProxy, loopbackIsExempt }: ClientRules,
): string | undefined {
  if (trustProxy) {
    const header = req.headers['x-forwarded-for']
    const forwarded =
      String(header ?? '')
        .split(',')
        .at(-1)
        ?.trim() ?? ''
    if (forwarded !== '') return networkOf(forwarded)
  }
  const address = req.socket.remoteAddress ?? 'unknown'
  return loopbackIsExempt && isLoopback(address) ? undefined : networkOf(address)
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** An address as the key of a bucket; what is not an address is a key of at most 64 characters. */
export function networkOf(address: string): string {
  const text = address.toLowerCase()
  if (text.startsWith('::ffff:') && text.includes('.')) return text.slice('::ffff:'.length)
  if (!text.includes(':')) return text.slice(0, 64)
  const [head = '', tail] = text.split('%', 1)[0]!.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Math.max(0, IPV6_GROUPS - left.length - right.length)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return `${groups.slice(0, IPV6_NETWORK_GROUPS).join(':')}::/64`.slice(0, 64)
}
