/** A registry on a data directory with a policy that reads payloads, its submitters and its auditors. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { addApiToken } from '../../src/app/api-tokens.ts'
import { readConfig } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { LogDirectory } from '../../src/app/log-directory.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { parseCoseKeySet } from '../../src/cose/public-key.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { loadSigner } from '../../src/keys/file-signer.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { AuditFault } from '../../src/monitor/audit-fault.ts'
import { auditLog } from '../../src/monitor/audit-log.ts'
import type { AuditReport } from '../../src/monitor/audit-log.ts'
import { parseAuditState } from '../../src/monitor/audit-state-file.ts'
import { createHttpReader } from '../../src/monitor/http-reader.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import { mirrorLog } from '../../src/monitor/mirror-log.ts'
import type { ResourceReader } from '../../src/monitor/resource-reader.ts'
import { parseVerifierKey } from '../../src/note/verifier-key.ts'
import {
  PAYLOAD_PRUNING_MEDIA_TYPE,
  REGISTRATION_POLICY_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import { encodePayloadPruning } from '../../src/policy/payload-pruning.ts'
import { encodeRegistrationPolicy } from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import { nativeHasher } from './naive-tree.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { testSigner } from './test-signer.ts'

const directory = temporaryDirectory()
export const signer = testSigner()
const LOG_ISSUER = 'https://log.example.org'
const running: RunningRegistry[] = []
let logs = 0

/** Ends all of them. */
export async function closeServices(): Promise<void> {
  for (const one of running.splice(0)) await one.close()
}

/** A path for an export or a mirror. */
export const pathOf = (name: string): string => join(directory, name)

export const nameOf = (bytes: Uint8Array, algorithm = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`

/** An in-toto Statement that the policy of these tests accepts, or does not. */
export function inToto(number: number, predicateType = 'https://good.example/a'): Uint8Array {
  const subject = [{ name: 'demo', digest: { sha256: 'ab'.repeat(32) } }]
  const predicate = { number }
  const type = 'https://in-toto.io/Statement/v1'
  return encodeUtf8(JSON.stringify({ _type: type, subject, predicateType, predicate }))
}

type KnownParts = Pick<
  Parameters<typeof auditLog>[0],
  'source' | 'known' | 'verifier' | 'hasher' | 'sha256'
>

export class PayloadService {
  readonly data: string
  readonly token: string
  #running: RunningRegistry | undefined

  private constructor(data: string, token: string) {
    this.data = data
    this.token = token
  }

  static async create(): Promise<PayloadService> {
    const data = join(directory, `data-${logs++}`)
    const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
    await initLog({ data, origin: 'log.example.org', anchors })
    const { token } = await addApiToken({ data, name: 'ci', scopes: ['register'] })
    const service = new PayloadService(data, token)
    await service.start()
    await service.setPolicy({ predicateTypes: ['https://good.example/*'] })
    return service
  }

  get url(): string {
    return this.#running!.url
  }

  async start(): Promise<void> {
    const config = readConfig({ data: this.data, port: 0 }, { report: () => undefined })
    this.#running = await startRegistry(config)
    running.push(this.#running)
  }

  /** The last journal is written when it stops. */
  async stop(): Promise<void> {
    await this.#running!.close()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  key(name: string): Promise<Signer> {
    return loadSigner(join(this.data, 'keys', `${name}.pem`))
  }

  async setPolicy(change: Partial<RegistrationPolicy>): Promise<void> {
    const [operator, registrar] = [await this.key('operator'), await this.key('registrar')]
    const payload = encodeRegistrationPolicy({
      ...{ version: 1, algorithms: ['ES256', 'EdDSA'], contentTypes: ['*'] },
      operatorKeys: [operator.publicKey],
      registrarKeys: [registrar.publicKey],
      ...change,
    })
    const subject = 'urn:attestry:registration-policy'
    const contentType = REGISTRATION_POLICY_MEDIA_TYPE
    const by = { issuer: LOG_ISSUER, subject, contentType, signer: operator }
    const { status } = await this.register(await signStatement({ payload, ...by }))
    if (status !== 201) throw new Error(`the policy was answered ${status}`)
  }

  async register(statement: Uint8Array): Promise<{ status: number; rule?: string }> {
    const headers = { 'Content-Type': 'application/cose', Accept: 'application/problem+json' }
    const body = new Uint8Array(statement)
    const response = await fetch(`${this.url}/entries`, { method: 'POST', headers, body })
    if (response.status === 201) return { status: 201 }
    const problem = (await response.json()) as { rule?: string }
    return { ...problem, status: response.status }
  }

  /** A hash envelope of the content. */
  envelope(payload: Uint8Array, change: Partial<SignStatementRequest> = {}): Promise<Uint8Array> {
    const contentType = 'application/vnd.in-toto+json'
    const by = { issuer: 'https://issuer.example', subject: 'demo', contentType, signer }
    return signStatement({ payload, hash: 'SHA-256', ...by, ...change })
  }

  async put(payload: Uint8Array, algorithm = 'sha256', token = this.token): Promise<number> {
    const response = await fetch(`${this.url}/payloads/${nameOf(payload, algorithm)}`, {
      method: 'PUT',
      headers: token === '' ? {} : { Authorization: `Bearer ${token}` },
      body: new Uint8Array(payload),
    })
    return response.status
  }

  async get(path: string): Promise<{ status: number; bytes: Uint8Array }> {
    const response = await fetch(`${this.url}/${path}`)
    return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) }
  }

  rows(sql: string): unknown[] {
    const database = new Database(join(this.data, 'log.sqlite'), { readonly: true })
    try {
      return database.prepare(sql).pluck().all()
    } finally {
      database.close()
    }
  }

  async registerPruning(digest: string, reason: string, by?: Signer): Promise<{ status: number }> {
    const payload = encodePayloadPruning({ digest, reason })
    const operator = by ?? (await this.key('operator'))
    const contentType = PAYLOAD_PRUNING_MEDIA_TYPE
    return this.register(
      await signStatement({
        payload,
        issuer: LOG_ISSUER,
        subject: 's',
        contentType,
        signer: operator,
      }),
    )
  }

  reader(): ResourceReader {
    return createHttpReader({ url: this.url, fetch, wait: async () => undefined })
  }

  async audit(reader = this.reader(), state?: Uint8Array): Promise<AuditReport> {
    const options = await this.#known(reader)
    const from = state === undefined ? {} : { state: parseAuditState(state) }
    return auditLog({ ...options, isSampled: () => false, ...from })
  }

  async mirror(target: string): Promise<void> {
    const reader = this.reader()
    const { source, known, ...parts } = await this.#known(reader)
    await mirrorLog({ ...parts, source, known, reader, target: new LogDirectory(target) })
  }

  async #known(reader: ResourceReader): Promise<KnownParts> {
    const logKey = new TextDecoder().decode(await reader.read('log-key', 1000)).trim()
    const keys = parseCoseKeySet((await reader.read('.well-known/scitt-keys', 10_000))!)
    return {
      source: new LogSource(reader),
      ...{ verifier: nodeVerifier, hasher: nativeHasher, sha256 },
      known: {
        origin: 'log.example.org',
        checkpointKeys: [parseVerifierKey(logKey)],
        receiptKeys: [...keys],
      },
    }
  }
}

/** What the audit finds wrong, as `kind at index`. */
export async function faultOf(audit: Promise<unknown>): Promise<string> {
  try {
    await audit
    return 'none'
  } catch (error) {
    if (!(error instanceof AuditFault)) throw error
    return `${error.kind} at ${error.place.leafIndex}`
  }
}
