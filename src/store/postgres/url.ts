/** URLs of PostgreSQL databases, as the driver takes them; this file does not load the driver. */

/** True for what names a PostgreSQL database and no file. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(text)
}

/** True for a URL that the driver can read: its parts are checked as `pg-connection-string` takes them. */
export function isReadableUrl(url: string): boolean {
  // Like the driver: what should have been escaped is, and a host may be missing.
  const escaped = UNESCAPED.test(url) ? encodeURI(url).replace(/%25(\d\d)/g, '%$1') : url
  try {
    const whole = URL.canParse(escaped) ? escaped : escaped.replace('@/', '@host/')
    const { username, password, hostname, pathname } = new URL(whole)
    for (const part of [username, password, hostname, pathname]) decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

const UNESCAPED = / |%[^a-f0-9]|%[a-f0-9][^a-f0-9]/i

/** The URL without its password and its parameters, for messages; a path stays as it is. */
export function withoutPassword(location: string): string {
  if (!isPostgresUrl(location)) return location
  // Up to the last @ before the path: a password may hold one that should have been escaped.
  const [, scheme = '', user = '', rest = ''] =
    /^([a-z]+:\/\/)(?:([^:@/?]*)(?::[^/?]*)?@)?([^?]*)/.exec(location) ?? []
  if (!NO_URL.test(rest)) return `${scheme}${user === '' ? '' : `${user}@`}${rest}`
  const [, name = '', after = ''] = /^[a-z]+:\/\/([^:@/?]*)(?:.*@)?([^?]*)/.exec(location) ?? []
  return `${scheme}${name}@${after}`
}

/** What a password with / or ? in it leaves: an @ in the path, or a port that is no number. */
const NO_URL = /@|^[^[/]*:(?!\d*(?:\/|$))/
