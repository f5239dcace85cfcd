/** Logs for tests: deterministic entries, a clock that is set by hand, ports of either store. */
import { generateKeyPairSync } from 'node:crypto'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { signerFromKey } from '../../src/keys/file-signer.ts'
import { nativeHasher, nativeSha256 } from '../../src/keys/native-hash.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { createLog } from '../../src/log/genesis.ts'
import type { LogLimits } from '../../src/log/limits.ts'
import { Log } from '../../src/log/log.ts'
import type { LogPorts } from '../../src/log/ports.ts'
import type { Candidate } from '../../src/log/queue.ts'
import { MemoryGuard } from '../../src/store/memory/memory-guard.ts'
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts'

export const hasher = nativeHasher
export const GENESIS_TIME = 1_800_000_000

/** A clock that stands until it is set. */
export class TestClock {
  time = GENESIS_TIME

  now(): number {
    return this.time
  }
}

export function newSigner(): Signer {
  return signerFromKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}

export type TestPorts = LogPorts & { readonly clock: TestClock }

/** Ports over memory, or over the given store and guard. */
export function testPorts(parts: Partial<LogPorts> = {}): TestPorts {
  return {
    store: new MemoryLogStore(),
    guard: new MemoryGuard(),
    signer: newSigner(),
    origin: 'log.example.org/2026',
    issuer: 'https://log.example.org',
    hasher,
    verifier: nodeVerifier,
    ...parts,
    clock: new TestClock(),
  }
}

export const GENESIS_ENTRIES = [encodeUtf8('policy'), encodeUtf8('anchors')]

/** Creates a log in the ports' store, with two entries. */
export async function createTestLog(ports: LogPorts): Promise<void> {
  await createLog({ ...ports, entries: GENESIS_ENTRIES })
}

export interface OpenedLog {
  readonly log: Log
  /** What stopped the log; at most one. */
  readonly fatal: Error[]
}

export async function openTestLog(
  ports: LogPorts,
  limits: Partial<LogLimits> = {},
): Promise<OpenedLog> {
  const fatal: Error[] = []
  const log = await Log.open({ ...ports, limits, onFatal: (error) => void fatal.push(error) })
  return { log, fatal }
}

export function entryOf(text: string): Uint8Array {
  return encodeUtf8(`entry ${text}`)
}

/** A candidate whose decision stands at any time. */
export function candidateOf(text: string, parts: Partial<Candidate> = {}): Candidate {
  const entry = entryOf(text)
  return {
    entry,
    entryId: nativeSha256(entry),
    leafHash: hasher.leaf(entry),
    standsFrom: 0,
    standsUntil: Number.MAX_SAFE_INTEGER,
    ...parts,
  }
}

/** Appends `count` entries named `prefix-0`… at once. */
export async function appendMany(log: Log, prefix: string, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, at) => `${prefix}-${at}`)
  await Promise.all(names.map((name) => log.append(candidateOf(name))))
}
