/**
 * Where a client may be sent: Location fields may be relative, absolute, or absolute with the wrong
 * scheme because the service sits behind a proxy. A service can name paths of its own host only, so
 * that it cannot aim its clients at other machines.
 */
import { InputError } from '../errors.ts'

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/**
 * The base of a service: http(s), no credentials, query or fragment; ends in a slash.
 * @throws InputError `ERR_USAGE` for anything else.
 */
export function serviceBase(url: string): URL {
  let base: URL
  try {
    base = new URL(url)
  } catch (cause) {
    throw new InputError('ERR_USAGE', 'the service URL is not a URL', { cause })
  }
  const plain =
    base.username === '' && base.password === '' && base.search === '' && base.hash === ''
  if (!['http:', 'https:'].includes(base.protocol) || !plain) {
    throw new InputError('ERR_USAGE', 'the service URL is not a plain http or https URL')
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
}

/**
 * The URL that a Location field means, on the service's own host.
 * @throws InputError `ERR_RESPONSE` when it is not a URL or names another host.
 */
export function resolveLocation(location: string, from: string): string {
  const base = new URL(from)
  let target: URL
  try {
    target = new URL(location, base)
  } catch (cause) {
    throw new InputError('ERR_RESPONSE', 'the service sent a Location that is not a URL', { cause })
  }
  if (target.origin === base.origin) return target.href
  const sameHost =
    target.hostname === base.hostname ||
    (LOOPBACK.includes(target.hostname) && LOOPBACK.includes(base.hostname))
  if (!sameHost || !['http:', 'https:'].includes(target.protocol)) {
    throw new InputError('ERR_RESPONSE', `the service points to another host, ${target.host}`)
  }
  // Same host by another scheme, port or loopback name: what a proxy hides. We stay where we are.
  return new URL(`${target.pathname}${target.search}`, base.origin).href
}

/**
 * `name` as one path segment below `base`; names are opaque (`2.18`, hex, integers, base64url).
 * @throws InputError `ERR_RESPONSE` for the names that mean another directory.
 */
export function segmentUrl(base: string | URL, name: string): string {
  if (name === '' || name === '.' || name === '..') {
    throw new InputError('ERR_RESPONSE', 'the service sent an entry id that is no path segment')
  }
  return new URL(encodeURIComponent(name), base).href
}

/** The last path segment of an entry's URL: its id, opaque. */
export function lastSegment(url: string): string {
  const segment =
    new URL(url).pathname
      .split('/')
      .filter((part) => part !== '')
      .at(-1) ?? ''
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
