/**
 * What audits, mirrors and monitors begin with: the current checkpoint verified, the tree behind it
 * open and authenticated, and both held against every head that was verified before.
 */
import type { TreeHasher } from '../merkle/hasher.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { LogPin } from './audit-state.ts'
import { AuthenticatedTree } from './authenticated-tree.ts'
import type { LogSource } from './log-source.ts'
import { assertExtends, assertNotBehind, openCheckpoint } from './open-checkpoint.ts'
import type { OpenedCheckpoint } from './open-checkpoint.ts'
import { assertSameRoot, SignedHeads } from './signed-heads.ts'
import type { VerifiedHead } from './signed-heads.ts'

/** What a log is known by before it is first read; the issuer is learnt from its heads if need be. */
export type KnownLog = Omit<LogPin, 'issuer'> & { readonly issuer?: string }

export interface FollowOptions {
  readonly source: LogSource
  readonly known: KnownLog
  /** Demands a quorum of cosignatures. */
  readonly tlogPolicy?: TlogPolicy
  readonly hasher: TreeHasher
  readonly verifier: SignatureVerifier
}

/** A tree that the log stands by, and that extends all that was known of it. */
export interface FollowedTree extends OpenedCheckpoint {
  readonly tree: AuthenticatedTree
  readonly heads: SignedHeads
  /** The head of this very tree. */
  readonly current: VerifiedHead
  readonly pin: LogPin
}

/**
 * Opens the current tree of a log.
 * @throws AuditFault `checkpoint`, `quorum`, `went-back`, `fork`, `tile` or `evidence`.
 */
export async function followTree(
  options: FollowOptions,
  earlier: readonly TreeHead[],
): Promise<FollowedTree> {
  const { source, known, hasher, verifier } = options
  const opened = await openCheckpoint({ ...options, ...known })
  const { head } = opened
  for (const one of earlier) assertNotBehind(head, one)
  const tree = await AuthenticatedTree.open({ source, head, hasher })
  for (const one of earlier) await assertExtends(tree, one)
  const { treeSize } = head
  const heads = new SignedHeads({ ...known, treeSize, keys: known.receiptKeys, source, verifier })
  const current = await heads.at(treeSize)
  assertSameRoot(current, head)
  return { ...opened, tree, heads, current, pin: { ...known, issuer: current.issuer } }
}
