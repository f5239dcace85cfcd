/**
 * The start of every audit and mirror run: the current checkpoint, signed by the pinned key of the
 * pinned log, cosigned by a quorum where one is demanded, and never behind what was verified before.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { parseCheckpoint, treeHeadOf, verifyCheckpoint } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { verifyWitnessedCheckpoint } from '../note/witnessed-checkpoint.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { AuditFault } from './audit-fault.ts'
import type { AuthenticatedTree } from './authenticated-tree.ts'
import type { LogSource } from './log-source.ts'

export interface OpenCheckpointOptions {
  readonly source: LogSource
  readonly origin: string
  readonly checkpointKeys: readonly VerifierKey[]
  /** Demands its quorum of cosignatures. */
  readonly tlogPolicy?: TlogPolicy
  readonly verifier: SignatureVerifier
}

/** A checkpoint whose signatures hold. */
export interface OpenedCheckpoint {
  readonly bytes: Uint8Array
  readonly head: TreeHead
  /** Names of the witnesses that cosigned. */
  readonly cosigners: readonly string[]
}

/**
 * Reads and verifies the current checkpoint.
 * @throws AuditFault `checkpoint` or `quorum`.
 */
export async function openCheckpoint(options: OpenCheckpointOptions): Promise<OpenedCheckpoint> {
  const { source, origin, checkpointKeys: keys, verifier } = options
  const bytes = await source.checkpoint()
  try {
    const checkpoint = parseCheckpoint(bytes)
    await verifyCheckpoint({ checkpoint, origin, keys, verifier })
    const cosigners = await findCosigners(checkpoint, options)
    return { bytes, head: treeHeadOf(checkpoint), cosigners }
  } catch (cause) {
    if (!(cause instanceof InputError || cause instanceof VerificationError)) throw cause
    const kind = cause.code === 'ERR_QUORUM' ? 'quorum' : 'checkpoint'
    throw new AuditFault(kind, `checkpoint: ${cause.message}`, {}, { cause })
  }
}

async function findCosigners(
  checkpoint: SignedCheckpoint,
  { tlogPolicy: policy, verifier }: OpenCheckpointOptions,
): Promise<readonly string[]> {
  if (policy === undefined) return []
  const cosignatures = await verifyWitnessedCheckpoint({ checkpoint, policy, verifier })
  return cosignatures.map(({ key }) => key.name)
}

/**
 * Compares a new head with one that was verified before, sizes and equal sizes only.
 * @throws AuditFault `went-back` or `fork`.
 */
export function assertNotBehind(head: TreeHead, known: TreeHead): void {
  if (head.treeSize < known.treeSize) {
    throw new AuditFault(
      'went-back',
      `the log has ${head.treeSize} entries; ${known.treeSize} were verified before`,
      { treeSize: head.treeSize },
    )
  }
  if (head.treeSize === known.treeSize && !equalBytes(head.rootHash, known.rootHash)) {
    throw new AuditFault(
      'fork',
      `the log signed two trees of size ${head.treeSize} with different roots`,
      { treeSize: head.treeSize },
    )
  }
}

/**
 * Checks that the tree has a known head as its prefix. Its tiles are authenticated, so that a wrong
 * root can only mean that the log signed another history.
 * @throws AuditFault `fork`.
 */
export async function assertExtends(tree: AuthenticatedTree, known: TreeHead): Promise<void> {
  if (equalBytes(await tree.rootAt(known.treeSize), known.rootHash)) return
  throw new AuditFault(
    'fork',
    `the tree of size ${tree.head.treeSize} does not extend the tree of size ${known.treeSize} ` +
      'that was verified before',
    { treeSize: known.treeSize },
  )
}
