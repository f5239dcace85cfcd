/**
 * Signed tree heads and the Receipts of consistency between them (RFC 9942 §5.3). Only sizes that
 * were signed have one: a log signs a head per batch, not per entry. Extensions of ours.
 */
import type { TreeSize } from '../bytes/integers.ts'
import { encodeConsistencyReceipt } from '../cose/encode-receipt.ts'
import { withAttachedRoot } from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { InputError, NotFoundError } from '../errors.ts'
import type { RegistryPorts } from './ports.ts'

/** The current signed head as a COSE_Sign1 that carries its root. */
export function readCurrentHead({ log }: RegistryPorts): Uint8Array {
  return withAttachedRoot(log.currentHead())
}

/**
 * The signed head of `treeSize`, with its root attached. It never changes.
 * @throws NotFoundError `ERR_HEAD_UNKNOWN` when no head of that size was signed.
 */
export async function readHead(treeSize: TreeSize, ports: RegistryPorts): Promise<Uint8Array> {
  return withAttachedRoot(await headOrThrow(treeSize, ports))
}

/**
 * The Receipt of consistency from one stored head to a later one. It never changes.
 * @throws InputError `ERR_REQUEST` unless 0 < treeSize1 < treeSize2 (RFC 9942 has no other form).
 * @throws NotFoundError `ERR_HEAD_UNKNOWN` when either size has no signed head.
 */
export async function makeConsistencyReceipt(
  sizes: { readonly treeSize1: TreeSize; readonly treeSize2: TreeSize },
  ports: RegistryPorts,
): Promise<Uint8Array> {
  const { treeSize1, treeSize2 } = sizes
  if (treeSize1 === 0 || treeSize1 >= treeSize2) {
    throw new InputError(
      'ERR_REQUEST',
      `expected 0 < treeSize1 < treeSize2, got ${treeSize1} and ${treeSize2}`,
    )
  }
  await headOrThrow(treeSize1, ports)
  const head = await headOrThrow(treeSize2, ports)
  return encodeConsistencyReceipt(head, await ports.log.consistencyProof(treeSize1, treeSize2))
}

async function headOrThrow(treeSize: TreeSize, { log }: RegistryPorts): Promise<SignedTreeHead> {
  const head = await log.headAt(treeSize)
  if (head === undefined) {
    throw new NotFoundError('ERR_HEAD_UNKNOWN', `no tree head of size ${treeSize} was signed`)
  }
  return head
}
