/**
 * Certificate and key of a server that ends TLS itself, and the authorities of its clients. Read at
 * the start and whenever the operator says so; a key file that anybody can read is refused.
 */
import { stat, readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { StartError } from '../errors.ts'
import type { TlsMaterial } from '../http/tls-material.ts'
import { decodePem } from '../x509/pem.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { UnixSeconds } from '../bytes/integers.ts'

/** Paths of PEM files. */
export interface TlsConfig {
  readonly certificate: string
  /** The server's private key. */
  readonly key: string
  /** Authorities of client certificates; undefined: none is asked for. */
  readonly clientCa: string | undefined
}

/** What the files hold. */
export interface ReadTls extends TlsMaterial {
  /** When the server's certificate ends. */
  readonly notAfter: UnixSeconds
}

/** What everybody may do is the last octal digit. */
const MODES_OF_EVERYBODY = 8

/**
 * Reads the files and tries them.
 * @throws StartError `ERR_CONFIGURATION` that names every file that cannot be read, or `ERR_KEY_FILE`
 * when nothing but the mode of the key is wrong.
 */
export async function readTlsFiles({ certificate, key, clientCa }: TlsConfig): Promise<ReadTls> {
  const [cert, privateKey, ca] = await readTogether([
    readText(certificate, '--tls-cert'),
    readKey(key),
    clientCa === undefined ? undefined : readText(clientCa, '--tls-client-ca'),
  ])
  const material: TlsMaterial = { cert, key: privateKey, ca }
  try {
    const [leaf] = decodePem(cert, 'CERTIFICATE')
    const { notAfter } = parseCertificate(leaf!)
    if (ca !== undefined) decodePem(ca, 'CERTIFICATE')
    createSecureContext({ cert, key: privateKey, ...(ca === undefined ? {} : { ca }) })
    return { ...material, notAfter }
  } catch (cause) {
    const { message } = cause as Error
    throw new StartError('ERR_CONFIGURATION', `--tls-cert ${certificate}: ${message}`, { cause })
  }
}

/**
 * Waits for files that are being read.
 * @throws StartError that says all that is wrong with them.
 */
export async function readTogether<const Values extends readonly unknown[]>(
  reading: Values,
): Promise<{ -readonly [At in keyof Values]: Awaited<Values[At]> }> {
  const outcomes = await Promise.allSettled(reading)
  const reasons = outcomes.flatMap((one) =>
    one.status === 'rejected' ? [one.reason as Error] : [],
  )
  const [first, ...others] = reasons
  if (first === undefined) return Promise.all(reading)
  const unexpected = reasons.find((reason) => !(reason instanceof StartError))
  if (others.length === 0 || unexpected !== undefined) throw unexpected ?? first
  const problems = reasons.map(({ message }) => message).join('; ')
  throw new StartError('ERR_CONFIGURATION', problems, { cause: first })
}

async function readKey(path: string): Promise<string> {
  const text = await readText(path, '--tls-key')
  const { mode } = await stat(path)
  // Windows has no such modes.
  if (process.platform !== 'win32' && mode % MODES_OF_EVERYBODY !== 0) {
    throw new StartError('ERR_KEY_FILE', `everybody can read the TLS key ${path}: chmod o-rwx`)
  }
  return text
}

async function readText(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new StartError('ERR_CONFIGURATION', `${option} ${path}: ${code ?? message}`, { cause })
  }
}
