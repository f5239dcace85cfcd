/**
 * A log of the real registry, copied so that a forge can export it at any of its heads, and what an
 * audit of it ought to come to there, told from the entries by a plain walk.
 */
import { encodeHex } from '../../src/bytes/hex.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { readPrunings } from '../../src/app/pruned-payloads.ts'
import { parseRegistrationJournal } from '../../src/policy/registration-journal.ts'
import { parseRegistrationPolicy } from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { governanceOf } from '../../src/policy/rules-in-force.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { LOG_ISSUER, LOG_ORIGIN } from '../support/test-registry.ts'
import type { TestRegistry } from '../support/test-registry.ts'
import { LogForge } from './log-forge.ts'
import type { ForgedHead, ForgeKeys } from './log-forge.ts'

/** What an entry has to do with journals. */
interface CopiedEntry {
  readonly bytes: Uint8Array
  /** End of the range, where it is a journal. */
  readonly covers: number | undefined
  /** In force when it was admitted. */
  readonly hasRegistrar: boolean
  readonly isEnvelope: boolean
  /** It was admitted with what only a journal tells. */
  readonly usesCollateral: boolean
}

interface Parts {
  readonly keys: ForgeKeys
  readonly entries: readonly CopiedEntry[]
  readonly heads: readonly ForgedHead[]
  readonly collateral: ReadonlyMap<string, Uint8Array>
  /** In force after the last entry. */
  readonly last: Pick<CopiedEntry, 'hasRegistrar'>
  /** Content that was deleted, and the entry that says so. */
  readonly prunedBy: ReadonlyMap<string, number>
}

/** What an audit at some size comes to. */
export interface Expected {
  readonly entries: number
  readonly heads: number
  readonly journals: number
  readonly waitingFrom: number | undefined
  readonly waitsFor: 'journal' | 'registrar' | undefined
}

export class CopiedLog {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  static async of({ store, log }: TestRegistry, keys: ForgeKeys): Promise<CopiedLog> {
    const { treeSize: size } = log.currentHead().treeHead
    const stored = await store.readEntries(leafIndex(0), size)
    const heads = (await store.listBatchHeads(0, size)).map(({ treeHead, registrationTime }) => {
      return { size: treeHead.treeSize, time: registrationTime }
    })
    const collateral = new Map<string, Uint8Array>()
    const kinds = new Map<number, Set<string>>()
    for (const { leafIndex: at, kind, digest } of await store.listEntryCollateral(0, size)) {
      const name = `sha256:${encodeHex(digest)}`
      // Where it is really deleted, only what stands for what it was can be told.
      const found = collateral.get(name) ?? (await store.findCollateral(digest))?.bytes
      if (found !== undefined) collateral.set(name, found)
      kinds.set(at, (kinds.get(at) ?? new Set()).add(kind))
    }
    const prunings = [...(await readPrunings(store))]
    const prunedBy = new Map(prunings.map(([digest, one]) => [digest, one.leafIndex as number]))
    const entries: CopiedEntry[] = []
    let policy: RegistrationPolicy | undefined
    for (const { entry, leafIndex: at } of stored) {
      entries.push(copy(entry, policy, kinds.get(at) ?? new Set()))
      const { message, ...statement } = parseSignedStatement(entry)
      if (governanceOf({ message, ...statement }) === 'policy')
        policy = parseRegistrationPolicy(message.payload!)
    }
    const last = { hasRegistrar: namesRegistrar(policy) }
    return new CopiedLog({ keys, entries, last, heads, collateral, prunedBy })
  }

  get sizes(): readonly number[] {
    return this.#parts.heads.map(({ size }) => size)
  }

  /** The log as it was at one of its heads. @param rotated signs the heads above a size. */
  at(size: number, rotated?: Pick<ForgedHead, 'size' | 'receipt'>): LogForge {
    const { keys, entries, heads, collateral, prunedBy } = this.#parts
    const there = [...collateral].filter(([digest]) => (prunedBy.get(digest) ?? size) >= size)
    const below = heads.filter((head) => head.size <= size)
    return LogForge.of({
      ...{ keys, origin: LOG_ORIGIN, issuer: LOG_ISSUER, collateral: new Map(there) },
      entries: entries.slice(0, size).map(({ bytes }) => bytes),
      heads: below.map((head) =>
        head.size > (rotated?.size ?? size) ? { ...head, ...receiptOf(rotated) } : head,
      ),
    })
  }

  expected(size: number): Expected {
    const entries = this.#parts.entries.slice(0, size)
    const ends = entries.flatMap(({ covers }) => covers ?? [])
    const next = ends.at(-1) ?? 0
    const uncovered = (at: number): boolean => at >= next && entries[at]!.covers === undefined
    const waits = entries.findIndex(
      (one, at) => uncovered(at) && ((one.hasRegistrar && one.isEnvelope) || one.usesCollateral),
    )
    const { hasRegistrar } = this.#parts.entries[size] ?? this.#parts.last
    const waitsFor = hasRegistrar ? 'journal' : 'registrar'
    return {
      entries: size,
      heads: this.#parts.heads.filter((head) => head.size <= size).length,
      journals: ends.length,
      ...(waits < 0
        ? { waitingFrom: undefined, waitsFor: undefined }
        : { waitingFrom: waits, waitsFor }),
    }
  }
}

function receiptOf(rotated: Pick<ForgedHead, 'receipt'> | undefined): Pick<ForgedHead, 'receipt'> {
  return rotated?.receipt === undefined ? {} : { receipt: rotated.receipt }
}

function namesRegistrar(policy: RegistrationPolicy | undefined): boolean {
  return (policy?.registrarKeys ?? []).length > 0
}

function copy(
  bytes: Uint8Array,
  policy: RegistrationPolicy | undefined,
  kinds: ReadonlySet<string>,
): CopiedEntry {
  const statement = parseSignedStatement(bytes)
  const isJournal = governanceOf(statement) === 'journal'
  const bySubmitter = policy?.submitter?.required === true && kinds.has('submitter-claims')
  return {
    bytes,
    covers: isJournal ? parseRegistrationJournal(statement.message.payload!).to : undefined,
    hasRegistrar: namesRegistrar(policy),
    isEnvelope: statement.headers.hashEnvelope !== undefined,
    usesCollateral: kinds.has('x5chain') || bySubmitter,
  }
}
