/**
 * A log with witnesses for tests, without the network: witnesses that answer as ours do unless their
 * script says otherwise, and clients that are driven round by round. Everything is new for each test.
 */
import { afterEach, beforeEach } from 'vitest'
import { witnessedLog } from '../../src/app/witnessing.ts'
import type { Log } from '../../src/log/log.ts'
import type { WitnessedCheckpointStore, WitnessedLog } from '../../src/log/witness.ts'
import { encodeCheckpoint } from '../../src/note/checkpoint.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import type { NoteSigner } from '../../src/note/note-signer.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import type { TlogPolicy } from '../../src/note/tlog-policy.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import {
  encodeCosignatureLines,
  parseAddCheckpointRequest,
} from '../../src/note/witness-messages.ts'
import { cosignCheckpoint } from '../../src/registry/cosign-checkpoint.ts'
import { WitnessClient } from '../../src/witness/witness-client.ts'
import type { WitnessClientOptions, WitnessEvent } from '../../src/witness/witness-client.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'
import { createTestLog, openTestLog, testPorts } from '../support/test-log.ts'
import type { TestPorts } from '../support/test-log.ts'
import { MemoryWitnessRecords, witnessPorts } from '../support/test-witness.ts'

export const ORIGIN = 'log.example.org/2026'
export const NOW = 1_800_000_000

/** What a scripted witness gives back; `undefined` lets the real one answer. */
export type Script = (body: Uint8Array, init: RequestInit) => Promise<Response | undefined>

/** A witness of ours without the network: answers as over HTTP, unless its script says otherwise. */
export class FakeWitness {
  readonly signer = noteSigner('witness.example')
  readonly records = new MemoryWitnessRecords()
  readonly requests: ReturnType<typeof parseAddCheckpointRequest>[] = []
  script: Script = () => Promise.resolve(undefined)
  monitoring = false
  readonly #logKey: ReturnType<typeof verifierKeyOf>

  constructor(logSigner: NoteSigner) {
    this.#logKey = verifierKeyOf(logSigner, 'ed25519')
  }

  get vkey(): string {
    return encodeVerifierKey(verifierKeyOf(this.signer, 'cosignature/v1'))
  }

  async answer(path: string, init: RequestInit): Promise<Response> {
    const ports = witnessPorts([], {
      logs: new Map([[ORIGIN, [this.#logKey]]]),
      records: this.records,
      signer: this.signer,
      clock: { now: () => NOW },
    })
    if (!path.endsWith('/add-checkpoint')) {
      const record = await this.records.find(ORIGIN)
      if (!this.monitoring || record === undefined) return new Response(null, { status: 404 })
      return new Response(record.checkpoint as Uint8Array<ArrayBuffer>)
    }
    const body = init.body as Uint8Array
    this.requests.push(parseAddCheckpointRequest(body))
    const scripted = await this.script(body, init)
    if (scripted !== undefined) return scripted
    try {
      const answer = await cosignCheckpoint(body, ports)
      if (answer.kind === 'conflict') return conflict(answer.treeSize)
      return ok(encodeCosignatureLines(answer.signatures))
    } catch {
      return new Response('no', { status: 422 })
    }
  }
}

export const ok = (body: Uint8Array | string): Response =>
  new Response(body as string, { headers: { 'content-type': 'text/plain' } })
export const conflict = (size: bigint | string): Response =>
  new Response(`${size}\n`, { status: 409, headers: { 'content-type': 'text/x.tlog.size' } })
export const status =
  (code: number, body: string | null = null): Script =>
  () =>
    Promise.resolve(new Response(body, { status: code }))

export let ports: TestPorts
export let log: Log
export let fatal: Error[]
export let logSigner: NoteSigner
export let events: WitnessEvent[]
let clients: WitnessClient[]
/** Monotonic time as clients see it. */
export const time = { ms: 0 }

beforeEach(async () => {
  ports = testPorts()
  await createTestLog(ports)
  ;({ log, fatal } = await openTestLog(ports))
  logSigner = noteSigner(ORIGIN)
  events = []
  clients = []
  time.ms = 0
})
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await log.close()
})

function policyOf(witnesses: readonly FakeWitness[], quorum: string | number): TlogPolicy {
  const names = witnesses.map((_, at) => `w${at}`)
  const lines = [
    ...witnesses.map(({ vkey }, at) => `witness w${at} ${vkey} https://w${at}.example/`),
    ...(typeof quorum === 'number'
      ? [`group g ${quorum} ${names.join(' ')}`, 'quorum g']
      : [`quorum ${quorum}`]),
  ]
  return parseTlogPolicy(Buffer.from(`${lines.join('\n')}\n`))
}

export function memoryStore(): WitnessedCheckpointStore & { saved: Uint8Array | undefined } {
  return {
    saved: undefined,
    async load() {
      return this.saved
    },
    async save(checkpoint) {
      this.saved = checkpoint
    },
  }
}

export function clientOf(
  witnesses: readonly FakeWitness[],
  parts: Partial<WitnessClientOptions> & { quorum?: string | number } = {},
): WitnessClient {
  const client = new WitnessClient({
    policy: parts.policy ?? policyOf(witnesses, parts.quorum ?? 1),
    log: witnessed(log),
    store: memoryStore(),
    verifier,
    clock: { now: () => NOW },
    fetch: (url, init) => {
      const { hostname, pathname } = new URL(url as string)
      const at = Number(/^w(\d+)/.exec(hostname)![1])
      return witnesses[at]!.answer(pathname, init!)
    },
    limits: { timeoutMs: 2000, intervalMs: 1000 },
    monotonicMs: () => time.ms,
    random: () => 0,
    onFatal: (error) => log.stop(error),
    report: (event) => events.push(event),
    ...parts,
  })
  clients.push(client)
  return client
}

/** The log, or a copy of it, with its checkpoint key. */
export const witnessed = (of: Log): WitnessedLog => witnessedLog(of, logSigner)

export const newest = (client: WitnessClient): string | undefined => {
  const checkpoint = client.newestWitnessed()
  return checkpoint && Buffer.from(encodeCheckpoint(checkpoint)).toString()
}
export const failures = (): unknown[] =>
  events.filter(({ event }) => event === 'witness-failed').map(({ code }) => code)
