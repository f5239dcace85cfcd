/**
 * Look-ups of entries by their full SHA-256: first in the tail that is in memory, then in the table.
 * Single look-ups share a read transaction.
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
  readonly #findAll: (ids: readonly Uint8Array[]) => (LeafIndex | undefined)[]
  readonly #single = new JoinedLookups(async (ids) => this.findMany(ids))

  constructor(database: SqliteDatabase, reads: ReadStatements, tail: IdTail) {
    this.#tail = tail
    this.#findAll = database.transaction((ids: readonly Uint8Array[]) =>
      ids.map(
        (id) => (reads.findLeafIndex.get(id) as { leaf_index: LeafIndex } | undefined)?.leaf_index,
      ),
    )
  }

  /** The positions of many entries, at once. */
  findMany(ids: readonly Uint8Array[]): (LeafIndex | undefined)[] {
    const found = ids.map((id) => this.#tail.find(id))
    const missing = ids.filter((_, at) => found[at] === undefined)
    if (missing.length === 0) return found
    const stored = this.#findAll(missing)
    let next = 0
    return found.map((leafIndex) => leafIndex ?? stored[next++])
  }

  /** The position of one entry, together with whatever else is asked in this turn. */
  find(id: Uint8Array): Promise<LeafIndex | undefined> {
    return this.#single.find(id)
  }
}
