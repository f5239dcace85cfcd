/** What the log knows between two batches. It is replaced as a whole, never changed. */
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { TreeEdge } from '../merkle/edge.ts'
import type { CompactRange } from './compact-range.ts'
import type { StoredHead } from './store.ts'

/** The tree between two batches: committed, signed and in the guard. */
export interface TreeState {
  /** The right edge that the next batch is appended to. */
  readonly edge: TreeEdge
  /** The same tree, computed from re-read bytes only. */
  readonly range: CompactRange
  readonly stored: StoredHead
  /** The signature over `stored`; the guard holds exactly these bytes. */
  readonly signed: SignedTreeHead
  /** The store has `signed` too. Until then the guard alone keeps it, durably. */
  readonly isSaved: boolean
}
