/**
 * Content that admissions were decided with and that a log does not serve any more (design D1). A
 * registered pruning by the operator, behind the entry, makes the admission "not replayable"; without
 * one it is a fault of the log. Nothing makes it pass.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { InputError } from '../errors.ts'
import { parsePayloadPruning } from '../policy/payload-pruning.ts'
import { governanceOf } from '../policy/rules-in-force.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { notServed } from './collateral.ts'
import type { MissingPreimage } from './collateral.ts'
import type { Block } from './scan-entries.ts'

/** An entry that cannot be replayed. */
export interface UnreplayedEntry extends MissingPreimage {
  /** Index of the pruning; absent while none was met. */
  readonly prunedBy?: number
}

const PRUNING = /payload-pruning\+json/i
const latin1 = new TextDecoder('latin1')

/** Collects them in the order of the log; what is given out does not change. */
export class PrunedContent {
  #entries: readonly UnreplayedEntry[]
  readonly #sha256: Sha256

  constructor(entries: readonly UnreplayedEntry[], sha256: Sha256) {
    this.#entries = entries
    this.#sha256 = sha256
  }

  get entries(): readonly UnreplayedEntry[] {
    return this.#entries
  }

  add(missing: readonly MissingPreimage[]): void {
    const known = new Set(this.#entries.map(({ leafIndex }) => leafIndex))
    const fresh = missing.filter(({ leafIndex }) => !known.has(leafIndex))
    if (fresh.length > 0) this.#entries = [...this.#entries, ...fresh]
  }

  /** Reads the prunings of a block without faults. */
  readPrunings({ start, entries }: Pick<Block, 'start' | 'entries'>): void {
    if (this.#entries.every(({ prunedBy }) => prunedBy !== undefined)) return
    for (const [offset, entry] of entries.entries()) {
      const digest = findPruned(entry, this.#sha256)
      if (digest !== undefined) this.#prune(digest, start + offset)
    }
  }

  /** @throws AuditFault `collateral` for the first entry that no pruning speaks of. */
  assertPruned(): void {
    const odd = this.#entries
      .filter(({ prunedBy }) => prunedBy === undefined)
      .sort((a, b) => a.leafIndex - b.leafIndex)[0]
    if (odd !== undefined) throw notServed({ ...odd, kind: 'preimage' })
  }

  #prune(digest: string, prunedBy: number): void {
    this.#entries = this.#entries.map((entry) =>
      entry.digest === digest && entry.prunedBy === undefined && entry.leafIndex < prunedBy
        ? { ...entry, prunedBy }
        : entry,
    )
  }
}

function findPruned(entry: Uint8Array, sha256: Sha256): string | undefined {
  if (!PRUNING.test(latin1.decode(entry))) return undefined
  try {
    const statement = parseSignedStatement(entry, { sha256 })
    const { payload } = statement.message
    if (governanceOf(statement) !== 'payload-pruning' || payload === null) return undefined
    return parsePayloadPruning(payload).digest
  } catch (error) {
    // The replay says what is wrong with it.
    if (error instanceof InputError) return undefined
    throw error
  }
}
