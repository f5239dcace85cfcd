/**
 * A stored entry with its first Receipt in its unprotected header (RFC 9943 §7): one by the head of a
 * later day would say a time at which the issuer's certificate may have run out. Extension of ours,
 * SCRAPI has no such resource. The bytes are spliced, never re-encoded.
 */
import { attachReceipts } from '../statement/transparent-statement.ts'
import type { RegistryPorts } from './ports.ts'
import { findEntryOrThrow, receiptAtFirstHead } from './resolve-receipt.ts'

/** The Transparent Statement of an entry, or nothing yet because its head is not signed. */
export type ReadTransparentStatement =
  | { readonly status: 'registered'; readonly transparentStatement: Uint8Array }
  | { readonly status: 'pending' }

/**
 * The Transparent Statement of an entry, the same bytes each time.
 * @throws NotFoundError `ERR_ENTRY_UNKNOWN` when no such entry is committed.
 */
export async function readTransparentStatement(
  entryId: string,
  ports: RegistryPorts,
): Promise<ReadTransparentStatement> {
  const stored = await findEntryOrThrow(entryId, ports)
  if (!stored.released) return { status: 'pending' }
  const receipt = await receiptAtFirstHead(stored, ports)
  const entry = await ports.log.readEntry(stored.leafIndex)
  return { status: 'registered', transparentStatement: attachReceipts(entry, [receipt]) }
}
