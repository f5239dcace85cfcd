/** What the log tells its callers about an entry that is in the tree. */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { NodeHash } from '../merkle/hasher.ts'
import type { Candidate } from './queue.ts'

/** The answer to an append: where the entry is, and the path from it to a signed head. */
export interface Registered {
  readonly leafIndex: LeafIndex
  /** The head of the batch that stored the entry: the same for every copy, whenever it comes. */
  readonly head: SignedTreeHead
  readonly inclusionPath: readonly NodeHash[]
  readonly duplicate: boolean
}

/** A statement that changes how others are decided, as it was released. */
export interface GovernanceEntry extends Pick<Candidate, 'entry' | 'collateral'> {
  readonly leafIndex: LeafIndex
  readonly registrationTime: UnixSeconds
}
