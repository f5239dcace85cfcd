/**
 * The audit, the page to read first (RFC 9943 §3, R33): follow a log from where the last audit
 * stopped, trusting nothing but the pinned keys. In this order: checkpoint, consistency with what was
 * verified before, then every entry: leaf against tile, tree against every signed head, admission
 * against the rules of its time, journal against the heads. The first fault in the order of the log
 * ends it. Memory does not grow with the log.
 */
import type { Sha256 } from '../bytes/digest.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import { auditIndex } from './audit-index.ts'
import type { IndexAuditReport } from './audit-index.ts'
import type { AuditState, LogPin } from './audit-state.ts'
import { EntryAuditor } from './entry-auditor.ts'
import { followTree } from './follow-tree.ts'
import type { FollowedTree, FollowOptions } from './follow-tree.ts'
import type { UnreplayedEntry } from './pruned-content.ts'
import { assertSeen } from './seen-heads.ts'
import type { SeenHead } from './seen-heads.ts'

export interface AuditOptions extends FollowOptions {
  readonly sha256: Sha256
  /** Verifies wrapped Sigstore bundles again; needed where a policy of the log names roots. */
  readonly bundles?: BundleVerifier
  /** What the last audit left. */
  readonly state?: AuditState
  /** Whether the Receipt and statement served for an entry are to be compared. */
  readonly isSampled: (leafIndex: number, range: { from: number; to: number }) => boolean
  /** Told after every block; `state` is what an interrupted audit can go on from. */
  readonly onProgress?: (progress: AuditProgress) => Promise<void> | void
  /** Heads of the log that were seen elsewhere: each has to be one of this tree. */
  readonly seen?: readonly SeenHead[]
  /** Compares the index, too, where the log has one. */
  readonly index?: {
    /** Look-ups to ask; Infinity for all. */
    readonly lookups: number
    readonly seed: string
    /** Compare everything again, not only what came since the last audit. */
    readonly isWhole?: boolean
    readonly onProgress?: (compared: number) => void
  }
  /** Ends the audit after the block at hand. */
  readonly isCancelled?: () => boolean
}

export interface AuditProgress {
  readonly from: number
  readonly replayed: number
  readonly treeSize: number
  readonly state: AuditState
}

export interface AuditCounts {
  entries: number
  heads: number
  journals: number
  receipts: number
}

/** What an audit without a fault found. */
export interface AuditReport {
  readonly pin: LogPin
  readonly head: TreeHead
  /** The first entry that this audit looked at. */
  readonly from: number
  readonly counts: Readonly<AuditCounts>
  /** The first entry whose decision waits for a journal that is not there yet. */
  readonly waitingFrom?: number
  /** With it: what has to come, a journal, or first a policy that names a registrar to sign it. */
  readonly waitsFor?: 'journal' | 'registrar'
  /**
   * Entries, of this audit or an earlier one, whose content the operator deleted by a registered
   * statement: they are not replayable, and an audit with some never passes (design D1).
   */
  readonly unreplayed: readonly UnreplayedEntry[]
  readonly cosigners: readonly string[]
  /** Heads from elsewhere that were compared. */
  readonly seen: number
  /** What was compared of the index; absent where there is none, or it was not asked for. */
  readonly index?: IndexAuditReport
  /** False when it was cancelled on the way. */
  readonly isComplete: boolean
  readonly state: AuditState
}

/**
 * Audits a log.
 * @throws AuditFault for the first thing that it did wrong; states given to `onProgress` before stay
 * good.
 * @throws UnavailableError when the log cannot be read.
 */
export async function auditLog(options: AuditOptions): Promise<AuditReport> {
  const { state, isSampled, onProgress, isCancelled, seen = [] } = options
  const followed = await followTree(options, earlierHeads(state))
  const { head, tree, heads, pin, cosigners } = followed
  for (const one of seen) await assertSeen(tree, one)
  const from = state?.replayed.treeSize ?? 0
  const range = { from, to: head.treeSize }
  const auditor = new EntryAuditor(
    { ...options, pin, tree, heads, isSampled: (leafIndex) => isSampled(leafIndex, range) },
    state,
  )
  const keep = keeper(state)
  let isCut = false
  for await (const next of auditor.run()) {
    const { treeSize: replayed } = next.replayed
    await onProgress?.({ from, replayed, treeSize: head.treeSize, state: keep(next) })
    isCut = isCancelled?.() === true && replayed < head.treeSize
    if (isCut) break
  }
  const last = keep(auditor.state)
  const index = isCut ? undefined : await compareIndex(options, followed, last)
  const indexed = index === undefined ? {} : { indexed: index.position }
  const end: AuditState = isCut ? last : { ...last, head, ...indexed }
  const { waitingFrom, counts, unreplayed } = auditor
  const waitsFor = auditor.hasRegistrar ? ('journal' as const) : ('registrar' as const)
  const waiting = waitingFrom === undefined ? {} : { waitingFrom, waitsFor }
  const found = { pin, head, from, counts, cosigners, unreplayed, seen: seen.length }
  const compared = index === undefined ? {} : { index }
  const isComplete = !isCut && index?.isCut !== true
  return { ...found, ...compared, isComplete, state: end, ...waiting }
}

/** Replaying knows nothing of the index: what an earlier audit remembers of it stays. */
function keeper(state: AuditState | undefined): (next: AuditState) => AuditState {
  const { indexed } = state ?? {}
  return (next) => (indexed === undefined ? next : { ...next, indexed })
}

async function compareIndex(
  { index, source, hasher, sha256, verifier, isCancelled }: AuditOptions,
  { tree, heads, head, pin }: FollowedTree,
  { replayed, indexed, registered = [] }: AuditState,
): Promise<IndexAuditReport | undefined> {
  if (index === undefined) return undefined
  const { isWhole = false, ...asked } = index
  return auditIndex({
    ...{ source, tree, heads, hasher, sha256, verifier, upTo: replayed.treeSize },
    ...{ origin: pin.origin, checkpointKeys: pin.checkpointKeys, treeSize: head.treeSize },
    registered,
    ...asked,
    ...(indexed === undefined || isWhole ? {} : { since: indexed }),
    ...(isCancelled === undefined ? {} : { isCancelled }),
  })
}

function earlierHeads(state: AuditState | undefined): readonly TreeHead[] {
  if (state === undefined) return []
  return state.head === undefined ? [state.replayed] : [state.head, state.replayed]
}
