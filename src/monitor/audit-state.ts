/**
 * What an audit remembers: whose log it is, by which keys, the last head that it verified, and how far
 * it replayed with everything that the next entry is decided by. It is the auditor's own and has to be
 * kept (audit-state-file.ts): without it nobody notices a log that goes back.
 */
import { treeSize } from '../bytes/integers.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import type { IndexPosition } from './compare-records.ts'
import type { RegisteredCollateral } from './evidence-references.ts'
import { NO_JOURNALS } from './journal-ledger.ts'
import type { JournalPosition } from './journal-ledger.ts'
import type { UnreplayedEntry } from './pruned-content.ts'
import type { RuleEntry } from './rules-history.ts'

/** Keys and names that a log is known by. */
export interface LogPin {
  readonly origin: string
  readonly issuer: string
  readonly checkpointKeys: readonly VerifierKey[]
  readonly receiptKeys: readonly PublicKey[]
}

export interface AuditState {
  readonly pin: LogPin
  /** The last tree head that was verified completely; absent until the first audit is through. */
  readonly head?: TreeHead
  /** All entries before this size were replayed, in the tree that has this root there. */
  readonly replayed: TreeHead
  readonly rules: readonly RuleEntry[]
  readonly journal: JournalPosition
  /** First entry for which the policy in force named a registrar. */
  readonly journalSince?: number
  /** Entries whose content is not served any more; absent when there are none. */
  readonly unreplayed?: readonly UnreplayedEntry[]
  /** Entries that registered TEE collateral, which evidence may name; absent when there are none. */
  readonly registered?: readonly RegisteredCollateral[]
  /** How far the index was compared; absent where it never was. */
  readonly indexed?: IndexPosition
}

/** What an audit knows before entry 0. */
export function firstState(hasher: TreeHasher): Omit<AuditState, 'pin'> {
  const replayed = { treeSize: treeSize(0), rootHash: hasher.emptyRoot }
  return { replayed, rules: [], journal: NO_JOURNALS }
}
