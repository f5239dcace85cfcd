/** How far the scrubber is: what metrics and health show of it. */
import type { UnixSeconds } from '../bytes/integers.ts'

export interface ScrubState {
  /** Entries that this pass has checked. */
  readonly position: number
  /** Size of the tree that this pass checks; 0 before the first one. */
  readonly treeSize: number
  /** When everything was found right the last time, in whatever process; undefined before. */
  readonly lastPassAt: UnixSeconds | undefined
  /** How often something could not be read since the start. Damage is no failure: it ends the process. */
  readonly failures: number
}
