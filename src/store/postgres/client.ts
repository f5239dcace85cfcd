/**
 * Clients of the driver, as everything here makes them. What a URL says of TLS is looked at before one connects:
 * the driver's own errors show where private keys are, it takes an empty file of authorities for none and
 * trusts the public ones, and a value of `ssl` that it does not know ends the process in mid-connection.
 */
import pg from 'pg'
import { StartError } from '../../errors.ts'
import { withoutPassword } from './url.ts'

const CONNECT_MS = 5000
/** Then the system begins to ask whether the other end is still there. */
const KEEP_ALIVE_MS = 10_000
/** As OpenSSL reads them: `TRUSTED` and `X509` are older forms. */
const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/

/**
 * The files that the URL names are read here.
 * @throws StartError `ERR_CONFIGURATION` for what no later try makes better; an Error for a file that may
 *   be there the next time.
 */
export function newClient(config: pg.ClientConfig): pg.Client {
  const { connectionString: url = '' } = config
  const client = readingFiles(url, () => new pg.Client(config))
  // The types say boolean.
  const ssl: unknown = client.ssl
  if (typeof ssl === 'string') {
    const what = 'ssl is true, 1, 0 or no-verify in its URL; sslmode=verify-full is what you want'
    throw new StartError('ERR_CONFIGURATION', `the database ${withoutPassword(url)}: ${what}`)
  }
  if (typeof ssl === 'object' && ssl !== null && 'ca' in ssl && !CERTIFICATE.test(String(ssl.ca))) {
    throw new Error('the file that sslrootcert names holds no certificate')
  }
  return client
}

/** Says which parameter names a file that cannot be read, and keeps the path to itself. */
function readingFiles<Value>(url: string, make: () => Value): Value {
  try {
    return make()
  } catch (cause) {
    const { code, path } = cause as NodeJS.ErrnoException
    if (path === undefined) throw cause
    const parameters = new URLSearchParams(url.slice(url.indexOf('?')))
    const [name = 'its URL'] = [...parameters].find(([, value]) => value === path) ?? []
    throw new Error(`the file that ${name} names cannot be read: ${String(code)}`, { cause })
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
