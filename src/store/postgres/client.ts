/**
 * Clients of the driver, as everything here makes them. What a URL says of TLS is looked at before one connects:
 * the driver's own errors show where private keys are, it takes an empty file of authorities for none and
 * trusts the public ones, a value of `ssl` that it does not know ends the process in mid-connection, and a
 * mistake in the name or value of another parameter leaves TLS out.
 */
import pg from 'pg'
import { StartError } from '../../errors.ts'
import { withoutPassword } from './url.ts'

const CONNECT_MS = 5000
/** Then the system begins to ask whether the other end is still there. */
const KEEP_ALIVE_MS = 10_000
/** As OpenSSL reads them: `TRUSTED` and `X509` are older forms. */
const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/

const SSL_PARAMETERS: readonly string[] = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey']
const SSL_MODES: readonly string[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] // prettier-ignore

/** The cause of a database that does not answer: nothing is wrong with the database. */
class TlsFileError extends Error {
  override readonly name = 'TlsFileError'
  readonly code = 'ERR_TLS_FILE'
}

/**
 * The files that the URL names are read here.
 * @throws StartError `ERR_CONFIGURATION` for what no later try makes better; an Error for a file that may
 *   be there the next time, with the code `ERR_TLS_FILE`.
 */
export function newClient(config: pg.ClientConfig): pg.Client {
  const { connectionString: url = '' } = config
  checkParameters(url)
  const client = readingFiles(url, () => new pg.Client(config))
  // The types say boolean.
  const ssl: unknown = client.ssl
  if (typeof ssl === 'string') {
    throw mistake(url, 'ssl is true, 1, 0 or no-verify in its URL; sslmode=verify-full is what you want') // prettier-ignore
  }
  if (typeof ssl === 'object' && ssl !== null && 'ca' in ssl && !CERTIFICATE.test(String(ssl.ca))) {
    throw new TlsFileError('the file that sslrootcert names holds no certificate')
  }
  return client
}

/** @throws StartError `ERR_CONFIGURATION` for what looks like a parameter of TLS and is none. */
function checkParameters(url: string): void {
  const parameters = parametersOf(url)
  for (const [name, value] of parameters) {
    const meant = name.toLowerCase().replace(/[-_]/g, '')
    if (!SSL_PARAMETERS.includes(meant)) continue
    if (name !== meant) throw mistake(url, `${name} is no parameter of its URL, ${meant} is`)
    if (value === '') throw mistake(url, `${name} is empty in its URL`)
    if (name === 'sslmode') checkMode(url, name, value)
  }
  // eslint-disable-next-line no-restricted-properties -- it is the driver that reads it
  const { PGSSLMODE = '' } = process.env
  const isAsked = ['ssl', ...SSL_PARAMETERS].every((name) => !parameters.has(name))
  if (isAsked && PGSSLMODE !== '') checkMode(url, 'PGSSLMODE', PGSSLMODE)
}

function checkMode(url: string, name: string, mode: string): void {
  if (SSL_MODES.includes(mode)) return
  throw mistake(url, `${name} is one of ${SSL_MODES.join(', ')}; verify-full is what you want`)
}

function mistake(url: string, what: string): StartError {
  return new StartError('ERR_CONFIGURATION', `the database ${withoutPassword(url)}: ${what}`)
}

function parametersOf(url: string): URLSearchParams {
  const [, query = ''] = /\?(.*)$/s.exec(url) ?? []
  return new URLSearchParams(query)
}

/** Says which parameter names a file that cannot be read, and keeps the path to itself. */
function readingFiles<Value>(url: string, make: () => Value): Value {
  try {
    return make()
  } catch (cause) {
    const { code, path } = cause as NodeJS.ErrnoException
    if (path === undefined) throw cause
    const [name = 'its URL'] = [...parametersOf(url)].find(([, value]) => value === path) ?? []
    throw new TlsFileError(`the file that ${name} names cannot be read: ${String(code)}`, { cause })
  }
}

/** What every connection has in common; values of the URL come first. */
export function clientConfig(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    fallback_application_name: 'attestry',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  }
}
