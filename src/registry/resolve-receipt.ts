/**
 * Receipts of inclusion after registration (SCRAPI §2.4). A fresh Receipt is made at the current
 * head each time it is asked for: same entry, same index, larger tree, current key. A Receipt
 * against a stored head never changes, because heads are signed once and kept (design D2): that of the
 * first one which covers an entry is the one that its registration was answered with.
 */
import { decodeHex } from '../bytes/hex.ts'
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import { encodeInclusionReceipt } from '../cose/encode-receipt.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant, NotFoundError } from '../errors.ts'
import type { Registered } from '../log/registered.ts'
import type { RegistryPorts } from './ports.ts'

/** Where an entry stands: its Receipt, or nothing yet because its head is not signed. */
export type ResolvedReceipt =
  { readonly status: 'registered'; readonly receipt: Uint8Array } | { readonly status: 'pending' }

interface EntryPosition {
  readonly leafIndex: LeafIndex
}

/**
 * A fresh Receipt for an entry.
 * @throws NotFoundError `ERR_ENTRY_UNKNOWN` when no such entry is committed.
 */
export async function resolveReceipt(
  entryId: string,
  ports: RegistryPorts,
): Promise<ResolvedReceipt> {
  const stored = await findEntryOrThrow(entryId, ports)
  if (!stored.released) return { status: 'pending' }
  return { status: 'registered', receipt: await receiptAtCurrentHead(stored, ports) }
}

/**
 * The one Receipt for an entry against the stored head of `treeSize`.
 * @throws NotFoundError when the entry, or a signed head of that size covering it, does not exist.
 */
export async function receiptAtHead(
  entryId: string,
  treeSize: TreeSize,
  ports: RegistryPorts,
): Promise<Uint8Array> {
  const { leafIndex } = await findEntryOrThrow(entryId, ports)
  const head = await ports.log.headAt(treeSize)
  if (head === undefined || leafIndex >= treeSize) {
    throw new NotFoundError(
      'ERR_HEAD_UNKNOWN',
      `no signed tree head of size ${treeSize} covers entry ${entryId}`,
    )
  }
  return makeReceipt(leafIndex, head, ports)
}

/** A Receipt for a released entry at the current head. */
function receiptAtCurrentHead(
  { leafIndex }: EntryPosition,
  ports: RegistryPorts,
): Promise<Uint8Array> {
  return makeReceipt(leafIndex, ports.log.currentHead(), ports)
}

/** A released entry's first Receipt, whose time is that of the registration. */
export async function receiptAtFirstHead(
  { leafIndex }: EntryPosition,
  ports: RegistryPorts,
): Promise<Uint8Array> {
  const head = await ports.log.firstHeadCovering(leafIndex)
  assertInvariant(head !== undefined, `no head covers the released entry ${leafIndex}`)
  return makeReceipt(leafIndex, head, ports)
}

/** The Receipt that the log's own answer to an append amounts to. */
export function encodeReceipt({ leafIndex, head, inclusionPath }: Registered): Uint8Array {
  const { treeSize } = head.treeHead
  return encodeInclusionReceipt(head, { leafIndex, treeSize, inclusionPath })
}

/** @throws NotFoundError `ERR_ENTRY_UNKNOWN`. */
export async function findEntryOrThrow(
  entryId: string,
  { log }: RegistryPorts,
): Promise<EntryPosition & { readonly released: boolean }> {
  const stored = await log.findEntry(decodeHex(entryId))
  if (stored === undefined) {
    throw new NotFoundError(
      'ERR_ENTRY_UNKNOWN',
      `Receipt with entry ID ${entryId} not known to this Transparency Service`,
    )
  }
  return stored
}

/** The log checks the path that it stored against the root before it hands it out (I4). */
async function makeReceipt(
  leafIndex: LeafIndex,
  head: SignedTreeHead,
  { log }: RegistryPorts,
): Promise<Uint8Array> {
  return encodeInclusionReceipt(head, await log.inclusionProof(leafIndex, head))
}
