/**
 * Look-ups of entries by their full SHA-256: first in the tail that is in memory, then in the table.
 * Single look-ups share a read transaction. A new entry is looked for when it arrives and again when its
 * batch is made; the second time costs no search.
 */
import { sha256 } from '../../bytes/digest.ts'
import type { LeafIndex } from '../../bytes/integers.ts'
import { JoinedLookups } from '../../log/joined-lookups.ts'
import type { SqliteDatabase } from './database.ts'
import { IdTail } from './id-tail.ts'
import type { EntryRow, LogRow } from './rows.ts'
import { storedEntry, storedState } from './rows.ts'
import type { ReadStatements } from './statements.ts'

/** Entries hashed at a time when the tail is made again. */
const CHUNK = 512

/** The tail that the table does not cover, from the stored entries themselves. */
export function rebuildIdTail(reads: ReadStatements): IdTail {
  const log = reads.readLog.get() as LogRow | undefined
  const progress = reads.readIdProgress.get() as { indexed_below: number } | undefined
  const start = progress?.indexed_below ?? 0
  const tail = new IdTail(start)
  const end = log === undefined ? 0 : storedState(log).treeHead.treeSize
  for (let at = start; at < end; at += CHUNK) {
    const rows = reads.readEntries.all(at, Math.min(end, at + CHUNK)) as EntryRow[]
    tail.add(
      rows.map((row) => sha256(storedEntry(row).entry)),
      at,
    )
  }
  return tail
}

export class EntryIds {
  readonly #tail: IdTail
  readonly #isWriter: boolean
  readonly #findAll: (ids: readonly Uint8Array[]) => (LeafIndex | undefined)[]
  readonly #single = new JoinedLookups(async (ids) => this.findMany(ids))

  /** @param isWriter all that is stored comes by `tail`: what is not stored now, and not added there, is not. */
  constructor(
    database: SqliteDatabase,
    reads: ReadStatements,
    { tail, isWriter }: { readonly tail: IdTail; readonly isWriter: boolean },
  ) {
    this.#tail = tail
    this.#isWriter = isWriter
    this.#findAll = database.transaction((ids: readonly Uint8Array[]) =>
      ids.map(
        (id) => (reads.findLeafIndex.get(id) as { leaf_index: LeafIndex } | undefined)?.leaf_index,
      ),
    )
  }

  /** The positions of many entries, at once. */
  findMany(ids: readonly Uint8Array[]): (LeafIndex | undefined)[] {
    const tail = this.#tail
    const found = ids.map((id) => tail.find(id))
    const missing = [...ids.keys()].filter(
      (at) => found[at] === undefined && !tail.isAbsent(ids[at]!),
    )
    if (missing.length === 0) return found
    const stored = this.#findAll(missing.map((at) => ids[at]!))
    for (const [place, at] of missing.entries()) {
      found[at] = stored[place]
      if (found[at] === undefined && this.#isWriter) tail.noteAbsent(ids[at]!)
    }
    return found
  }

  /** The position of one entry, together with whatever else is asked in this turn. */
  find(id: Uint8Array): Promise<LeafIndex | undefined> {
    return this.#single.find(id)
  }
}
