/**
 * The commits of the log store, one after the other: which ids go along, what is held while the WAL
 * starts again, and what a refusal of SQLite's means.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { leafIndex } from '../../bytes/integers.ts'
import type { LeafIndex } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant, UnavailableError } from '../../errors.ts'
import type { BatchCommit } from '../../log/store.ts'
import type { BatchWrites } from './batch-thread.ts'
import { sqliteCode } from './database.ts'
import type { IdTail } from './id-tail.ts'

export interface CommitsParts {
  readonly writes: BatchWrites
  readonly tail: IdTail
  /** Set while commits have to wait. */
  readonly hold: () => Promise<void> | undefined
  /** Size of the tree that is stored. */
  readonly readTreeSize: () => unknown
}

export class Commits {
  readonly #parts: CommitsParts
  // The batch that is being written, or was and is not answered yet, or whose outcome is unknown.
  #batch: BatchCommit | undefined
  #last: Promise<unknown> = Promise.resolve()
  #running: Promise<unknown> | undefined

  constructor(parts: CommitsParts) {
    this.#parts = parts
  }

  /**
   * @param then for whoever goes on after the commit; what comes of it is returned.
   * @throws UnavailableError `ERR_STORE_BUSY`; and as `LogStore.commit`.
   */
  commit(batch: BatchCommit, then?: unknown): Promise<unknown> {
    return this.#inTurn(() => this.#commit(batch, then))
  }

  /** Where an entry of the batch is that is committed and not known to be; undefined for others. */
  findCommitted(id: Uint8Array): LeafIndex | undefined {
    const batch = this.#batch
    const at = batch?.entries.findIndex(({ entryId }) => equalBytes(entryId, id)) ?? -1
    if (batch === undefined || at < 0) return undefined
    const isCommitted = this.#parts.readTreeSize() === batch.next.treeHead.treeSize
    return isCommitted ? leafIndex(batch.expected.treeHead.treeSize + at) : undefined
  }

  saveSignedHead(head: SignedTreeHead): Promise<void> {
    return this.#inTurn(() => this.#saveSignedHead(head))
  }

  /** Resolves when nothing is being written; what waits for `hold` is not. */
  async idle(): Promise<void> {
    await this.#running
  }

  /** After what was begun. */
  async close(): Promise<void> {
    await this.#last
    await this.#parts.writes.close()
  }

  async #commit(batch: BatchCommit, then: unknown): Promise<unknown> {
    const { writes, tail, hold, readTreeSize } = this.#parts
    const { treeSize } = batch.expected.treeHead
    const ids = batch.entries.map(({ entryId }) => entryId)
    assertInvariant(!tail.holdsAny(ids), 'an entry of the batch is stored already')
    await hold()
    const slice = tail.slice(ids.length)
    let done: unknown
    this.#batch = batch
    try {
      done = await this.#run(writes.writeBatch(batch, slice, then))
    } catch (cause) {
      // Trust, but look: nothing may be stored if the clients are told so. What may be stored is looked
      // for until the process ends: an entry that somebody was told of does not vanish meanwhile.
      if (!isKnownNotStored(cause) || readTreeSize() !== treeSize) throw cause
      this.#batch = undefined
      const message = `the store did not take the batch (${sqliteCode(cause) ?? ''})`
      throw new UnavailableError('ERR_STORE_BUSY', message, { cause, retryAfterSeconds: 5 })
    }
    this.#batch = undefined
    tail.drained(slice)
    tail.add(ids, treeSize)
    return done
  }

  async #saveSignedHead(head: SignedTreeHead): Promise<void> {
    try {
      await this.#run(this.#parts.writes.saveSignedHead(head))
    } catch (cause) {
      if (!isKnownNotStored(cause)) throw cause
      throw new UnavailableError('ERR_STORE_BUSY', 'the store did not take the head', { cause })
    }
  }

  #inTurn<Value>(write: () => Promise<Value>): Promise<Value> {
    const written = this.#last.then(write)
    this.#last = written.catch(() => undefined)
    return written
  }

  #run<Value>(writing: Promise<Value>): Promise<Value> {
    this.#running = writing.catch(() => undefined)
    return writing
  }
}

/** Busy or full: SQLite has rolled the transaction back. An I/O error says nothing of the kind. */
function isKnownNotStored(error: unknown): boolean {
  const code = sqliteCode(error) ?? ''
  return code.startsWith('SQLITE_BUSY') || code === 'SQLITE_FULL'
}
