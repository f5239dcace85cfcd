/**
 * The `.tlog-proof` of an entry (C2SP tlog-proof): its path to the published checkpoint, which carries
 * its cosignatures. Any C2SP tool verifies it; what the leaf is, design D1 says. An entry that the
 * published checkpoint does not cover yet is pending, like one whose head is not signed.
 */
import { encodeTlogProof } from '../note/tlog-proof.ts'
import { treeHeadOf } from '../note/checkpoint.ts'
import { NotFoundError } from '../errors.ts'
import type { Checkpoints } from './checkpoint.ts'
import type { RegistryPorts } from './ports.ts'
import { findEntryOrThrow } from './resolve-receipt.ts'

export type ReadTlogProof =
  { readonly status: 'registered'; readonly proof: Uint8Array } | { readonly status: 'pending' }

/**
 * The proof of an entry at the published checkpoint.
 * @throws NotFoundError `ERR_ENTRY_UNKNOWN` when no such entry is committed.
 */
export async function readTlogProof(
  entryId: string,
  { ports, checkpoints }: { readonly ports: RegistryPorts; readonly checkpoints: Checkpoints },
): Promise<ReadTlogProof> {
  const { leafIndex, released } = await findEntryOrThrow(entryId, ports)
  if (!released) return { status: 'pending' }
  const checkpoint = await checkpoints.publish()
  const { treeSize } = treeHeadOf(checkpoint)
  if (leafIndex >= treeSize) return { status: 'pending' }
  const head = await ports.log.headAt(treeSize)
  if (head === undefined) {
    throw new NotFoundError('ERR_HEAD_UNKNOWN', `there is no signed tree head of size ${treeSize}`)
  }
  const { inclusionPath } = await ports.log.inclusionProof(leafIndex, head)
  return { status: 'registered', proof: encodeTlogProof({ leafIndex, inclusionPath, checkpoint }) }
}
