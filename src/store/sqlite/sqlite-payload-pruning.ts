/**
 * Deleting payloads, from the command line beside a serving process. What nothing rests on goes at
 * once. What an admission or the index read goes in two steps, after the statement that says so was
 * registered: first it is marked, so that no new decision reads it, and then its bytes are deleted.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { assertInvariant, StartError } from '../../errors.ts'
import type { PayloadPruning, PayloadStanding } from '../../log/payload-store.ts'
import type { PayloadName } from '../../statement/payload-name.ts'
import { openFor, readStored } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { isFileThere } from './file-there.ts'
import { migrate } from './migrate.ts'
import { refuseMoved } from './moved-log.ts'
import { PayloadRows } from './payload-rows.ts'

const BUSY_MS = 5000

export class SqlitePayloadPruning implements PayloadPruning {
  readonly #database: SqliteDatabase
  readonly #rows: PayloadRows

  private constructor(database: SqliteDatabase) {
    this.#database = database
    this.#rows = new PayloadRows(database)
  }

  /** @throws StartError `ERR_LOG_MISSING`, or `ERR_CONFIGURATION` for a log of an earlier version. */
  static open(path: string): SqlitePayloadPruning {
    if (!isFileThere(path)) throw new StartError('ERR_LOG_MISSING', `there is no log: ${path}`)
    return openFor(path, { busyMs: BUSY_MS }, (database) => {
      migrate(database, { apply: false })
      refuseMoved(database)
      // What is deleted is overwritten, too.
      database.pragma('secure_delete = ON')
      return new SqlitePayloadPruning(database)
    })
  }

  find(name: PayloadName): PayloadStanding | undefined {
    const digest = this.#rows.digestOf(name)
    const row = digest && this.#rows.find(digest)
    if (digest === undefined || row === undefined) return undefined
    const others = this.#database
      .prepare("SELECT 1 FROM entry_collateral WHERE digest = ? AND kind <> 'preimage' LIMIT 1")
      .get(digest)
    const { bytes, pinned } = row
    return { digest, bytes: bytes.length, isPinned: pinned, isNeeded: others !== undefined }
  }

  /** Deletes what is not pinned; false when it is, or is not there. */
  deleteUnpinned(digest: Uint8Array): boolean {
    const sql = 'DELETE FROM payload WHERE digest = ? AND pinned = 0'
    return this.#database.prepare(sql).run(digest).changes === 1
  }

  /** From here on nothing new is decided with it, and it is not taken again. */
  mark(digest: Uint8Array, entryId: Uint8Array, at: UnixSeconds): void {
    this.#database
      .prepare('INSERT INTO pruned_payload VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING')
      .run(digest, entryId, at)
  }

  /** Deletes what was marked. */
  deleteMarked(digest: Uint8Array): void {
    assertInvariant(this.#rows.prunedBy(digest) !== undefined, 'a payload to delete is not marked')
    this.#database
      .transaction(() => {
        readStored(() => {
          this.#database.prepare('DELETE FROM payload WHERE digest = ?').run(digest)
          this.#database.prepare('DELETE FROM collateral WHERE digest = ?').run(digest)
        })
      })
      .immediate()
  }

  close(): void {
    this.#database.close()
  }
}
