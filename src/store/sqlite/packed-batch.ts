/**
 * A batch on its way to another thread. A view is cloned with all of the buffer behind it, which is
 * that of a whole request, so entries and ids travel in one buffer that is handed over.
 */
import type { LeafIndex } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import type { BatchCommit, NewEntry, StoredHead } from '../../log/store.ts'
import type { WritableBatch } from './batch-writer.ts'
import type { IdSlice } from './id-tail.ts'

export interface PackedBatch extends Omit<BatchCommit, 'entries'> {
  /** Bytes of each entry. */
  readonly lengths: Uint32Array
  /** What entries have beside their bytes, by their place in the batch. */
  readonly extras: readonly (readonly [number, Pick<NewEntry, 'kind' | 'collateral'>])[]
  /** The entries, then the ids, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly idIndexes: Float64Array
  readonly indexedBelow: number | undefined
}

const ID_BYTES = 32

export function packBatch(batch: BatchCommit, { rows, indexedBelow }: IdSlice): PackedBatch {
  const { expected, next, entries, tiles, signedHeads } = batch
  const lengths = Uint32Array.from(entries, ({ entry }) => entry.length)
  const entriesBytes = lengths.reduce((sum, length) => sum + length, 0)
  const bytes = new Uint8Array(entriesBytes + rows.length * ID_BYTES)
  const extras: (readonly [number, Pick<NewEntry, 'kind' | 'collateral'>])[] = []
  let at = 0
  for (const [place, { entry, kind, collateral }] of entries.entries()) {
    bytes.set(entry, at)
    at += entry.length
    if (kind === undefined && collateral === undefined) continue
    const own = collateral?.map((piece) => ({
      ...piece,
      digest: piece.digest.slice(),
      bytes: piece.bytes.slice(),
    }))
    extras.push([
      place,
      { ...(kind === undefined ? {} : { kind }), ...(own && { collateral: own }) },
    ])
  }
  for (const { id } of rows) {
    bytes.set(id, at)
    at += ID_BYTES
  }
  return {
    expected: ownHead(expected),
    next: ownHead(next),
    tiles: tiles.map((tile) => ({ ...tile, hashes: tile.hashes.slice() })),
    signedHeads: signedHeads.map(ownSignedHead),
    ...{ lengths, extras, bytes, indexedBelow },
    idIndexes: Float64Array.from(rows, ({ leafIndex }) => leafIndex),
  }
}

/** A signed head with buffers of its own. */
export function ownSignedHead(head: SignedTreeHead): SignedTreeHead {
  return { ...ownHead(head), bytes: head.bytes.slice() }
}

function ownHead<Head extends Pick<StoredHead, 'treeHead'>>(head: Head): Head {
  const { treeSize, rootHash } = head.treeHead
  return { ...head, treeHead: { treeSize, rootHash: rootHash.slice() as typeof rootHash } }
}

export interface UnpackedBatch {
  readonly batch: WritableBatch
  readonly ids: IdSlice
}

export function unpackBatch(packed: PackedBatch): UnpackedBatch {
  const { lengths, extras, bytes, idIndexes, indexedBelow, ...rest } = packed
  let at = 0
  const take = (length: number): Uint8Array => bytes.subarray(at, (at += length))
  const entries: WritableBatch['entries'][number][] = Array.from(lengths, (length) => ({
    entry: take(length),
  }))
  for (const [place, extra] of extras) entries[place] = { ...entries[place]!, ...extra }
  const rows = Array.from(idIndexes, (index) => ({
    id: take(ID_BYTES),
    leafIndex: index as LeafIndex,
  }))
  return { batch: { ...rest, entries }, ids: { rows, indexedBelow } }
}
