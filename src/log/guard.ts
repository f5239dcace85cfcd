/**
 * The port of the guard (design D7): a tiny store outside the database and its backups that holds
 * the last signed tree head. It is what tells the newest copy of a log from an older one, and one
 * writer from two. Adapters: `store/sqlite/sqlite-guard.ts` (one node), `store/memory`.
 */
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'

/** Holds one signed tree head and replaces it by compare-and-swap. */
export interface Guard {
  /** The head that was signed last; `undefined` when no guard exists. Reading never creates one. */
  read(): Promise<SignedTreeHead | undefined>

  /**
   * Replaces `from` by `to`, durably, if the guard holds exactly the bytes of `from`.
   * Whatever it throws means that the outcome is unknown: the caller stops signing.
   * @throws StartError `ERR_GUARD_FORK` when the guard holds anything else.
   */
  advance(from: SignedTreeHead, to: SignedTreeHead): Promise<void>

  /**
   * Makes the guard. Only genesis and the explicit adoption of a guard call this.
   * @throws StartError `ERR_LOG_EXISTS` when there is one already.
   */
  create(head: SignedTreeHead): Promise<void>

  close(): Promise<void>
}
