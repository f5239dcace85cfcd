/**
 * The port of the guard (design D7): a tiny store outside the database and its backups that holds
 * the last signed tree head. It is what tells the newest copy of a log from an older one, and one
 * writer from two. Adapters: `store/sqlite/sqlite-guard.ts` (one node),
 * `store/postgres/postgres-guard.ts` (several), `store/memory`.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'

/** Holds one signed tree head and replaces it by compare-and-swap. */
export interface Guard {
  /** Several nodes advance it; each of them may be overtaken. */
  readonly shared?: true

  /** Where it is, for messages; nothing that is secret. */
  readonly place?: string

  /**
   * Where the log went when it is the guard of a log that was moved: it can be read and compared with,
   * and nothing is signed with it.
   */
  readonly movedTo?: string | undefined

  /** The head that was signed last; `undefined` when no guard exists. Reading never creates one. */
  read(): Promise<SignedTreeHead | undefined>

  /**
   * Replaces `from` by `to`, durably, if the guard holds exactly the bytes of `from`. Returns what
   * the guard holds then. That is `to`, or, of a shared guard, what another node brought before: a
   * signature over the head and time of `to`, which is the one that counts, or a later head, which
   * the caller has yet to find in its store.
   * Whatever it throws means that the outcome is unknown: the caller stops signing.
   * @throws UnavailableError `ERR_GUARD_UNREACHABLE` of a shared guard, here and from `read`, when the
   *   connection was lost: the caller reads the guard again before it signs anything.
   * @throws StartError `ERR_GUARD_FORK` when the guard holds anything else.
   */
  advance(from: SignedTreeHead, to: SignedTreeHead): Promise<SignedTreeHead>

  /**
   * Makes the guard. Only genesis and the explicit adoption of a guard call this.
   * @throws StartError `ERR_LOG_EXISTS` when there is one already.
   */
  create(head: SignedTreeHead): Promise<void>

  close(): Promise<void>
}

/** Whether `held`, found where `to` was to be put, is another node's work and no other history. */
export function isBroughtByAnother(held: SignedTreeHead, to: SignedTreeHead): boolean {
  const { treeSize, rootHash } = to.treeHead
  if (held.treeHead.treeSize !== treeSize) return held.treeHead.treeSize > treeSize
  return (
    equalBytes(held.treeHead.rootHash, rootHash) && held.registrationTime === to.registrationTime
  )
}
