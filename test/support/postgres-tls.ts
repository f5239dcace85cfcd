/**
 * PostgreSQL that takes connections over TLS alone: a server with a certificate for `localhost`, the
 * authority that issued it, and files for its clients, all made for one test file.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { freePort } from './free-port.ts'
import { PostgresServer } from './postgres-server.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { issueCertificate, makeCa } from './test-pki.ts'
import type { CertificateOptions, TestCertificate } from './test-pki.ts'

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const HOUR_MS = 3_600_000
/** Another process may take a port that was free a moment ago. */
const TRIES_MAX = 3

/** Who may come in, and by what. The socket is for the test itself. */
const HBA = `local all postgres trust
hostssl all postgres 127.0.0.1/32 trust
hostssl all by_certificate 127.0.0.1/32 cert
hostssl all by_password 127.0.0.1/32 scram-sha-256
`

export const PASSWORD = 'a-word-nobody-sees'

/** Paths of PEM files, to be named in URLs. */
export interface TlsFiles {
  /** The authority of the server and of its clients. */
  readonly root: string
  /** An authority that issued nothing here. */
  readonly stranger: string
  /** A certificate for the role `by_certificate`, and its key. */
  readonly certificate: string
  readonly key: string
  /** The same by the stranger. */
  readonly strangeCertificate: string
  readonly strangeKey: string
}

export interface TlsPostgres {
  readonly server: PostgresServer
  readonly files: TlsFiles
  /** URL of a database over TCP, as `role`, with parameters; `host` is what the certificate is compared with. */
  readonly urlOf: (
    parameters: Readonly<Record<string, string>>,
    at?: { readonly role?: string; readonly host?: string; readonly database?: string },
  ) => string
}

/** One such cluster for a test file: started before its tests, deleted after them. */
export function usePostgresTls(): () => TlsPostgres {
  const directory = temporaryDirectory()
  let made: TlsPostgres | undefined
  beforeAll(async () => {
    made = await startServer(directory)
    await made.server.query(
      `CREATE ROLE by_certificate LOGIN; CREATE ROLE by_password LOGIN PASSWORD '${PASSWORD}'`,
    )
  })
  afterAll(() => made?.server.remove())
  return () => {
    if (made === undefined) throw new Error('the server is there in tests only')
    return made
  }
}

async function startServer(directory: string): Promise<TlsPostgres> {
  const root = makeCa({ name: 'Root', ...validity() })
  const san = { dns: ['localhost'] }
  const own = issueCertificate({ ca: root, san, eku: [SERVER_AUTH], ...validity() })
  const files = {
    'pg_hba.conf': HBA,
    'root.crt': root.certificatePem,
    'server.crt': own.certificatePem,
    'server.key': keyPem(own),
  }
  const tls = { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl_ca_file: 'root.crt' } // prettier-ignore
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    const settings = { ...tls, listen_addresses: '127.0.0.1', port: String(port) }
    try {
      const server = await PostgresServer.create({ settings, files })
      return {
        server,
        files: writeClientFiles(directory, root),
        urlOf: (
          parameters,
          { role = 'postgres', host = 'localhost', database = 'postgres' } = {},
        ) =>
          `postgres://${role}@${host}:${port}/${database}?${new URLSearchParams(parameters).toString()}`,
      }
    } catch (error) {
      if (tries === TRIES_MAX) throw error
    }
  }
}

function writeClientFiles(directory: string, root: TestCertificate): TlsFiles {
  const stranger = makeCa({ name: 'Stranger', ...validity() })
  const [own, strange] = [root, stranger].map((ca) =>
    issueCertificate({ ca, name: 'by_certificate', eku: [CLIENT_AUTH], ...validity() }),
  ) as [TestCertificate, TestCertificate]
  const write = (name: string, text: string): string => {
    const path = join(directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  return {
    root: write('root.pem', root.certificatePem),
    stranger: write('stranger.pem', stranger.certificatePem),
    certificate: write('client.pem', own.certificatePem),
    key: write('client.key', keyPem(own)),
    strangeCertificate: write('strange.pem', strange.certificatePem),
    strangeKey: write('strange.key', keyPem(strange)),
  }
}

function keyPem({ privateKey }: TestCertificate): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}

/** Node and PostgreSQL judge by the clock of this machine. */
function validity(): Pick<CertificateOptions, 'notBefore' | 'notAfter'> {
  return {
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + 24 * HOUR_MS),
  }
}
