/**
 * The port of the write path (design D7): what makes a batch durable and signed. `write-batch.ts` does
 * it on the thread where it is called; `app/thread-write-path.ts` has that done on another one, so that
 * a batch does not wait for who is served meanwhile.
 */
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { UnavailableError } from '../errors.ts'
import type { CompactRange } from './compact-range.ts'
import type { BatchStep } from './observer.ts'
import type { BatchCommit, NewEntry } from './store.ts'

/** What is read back of a commit. */
export interface CommittedBatch extends Pick<BatchCommit, 'next' | 'tiles'> {
  readonly entries: readonly Pick<NewEntry, 'collateral'>[]
}

/** A batch, and where it starts from. */
export interface PathBatch<Commit extends CommittedBatch = CommittedBatch> {
  readonly commit: Commit
  /** The tree before the batch, computed from re-read bytes only. */
  readonly range: CompactRange
  /** The guard holds exactly this head. */
  readonly from: SignedTreeHead
}

/** The batch is in the store, and its signed head in the guard. */
export interface WrittenBatch {
  readonly kind: 'written'
  /** The tree after the batch, computed from re-read bytes only. */
  readonly range: CompactRange
  readonly signed: SignedTreeHead
}

/** Nothing of it was stored. */
export interface UnwrittenBatch {
  readonly kind: 'not-stored'
  readonly error: UnavailableError
}

/** Tells of a step that was just done, or with the time when it was. */
export type TellStep = (step: BatchStep, atMs?: number) => void

/** The write path, wherever it runs. */
export interface WritePath {
  /** Throws as `writeBatch`. */
  write(batch: PathBatch<BatchCommit>, tell: TellStep): Promise<WrittenBatch | UnwrittenBatch>
}
