/**
 * A verified copy of a log's static face (R35): everything is checked against the signed tree before
 * it is written, and the checkpoint last, so that a copy is whole at every moment. Receipts are not
 * fetched but put together from the verified head and tiles. Admissions are not judged: a mirror
 * keeps what the log published, and an audit of the mirror tells what it is worth.
 */
import { TILE_WIDTH, tileWidth } from '../merkle/tiles.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { parseCheckpoint, treeHeadOf } from '../note/checkpoint.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import type { LogPin } from './audit-state.ts'
import { BlockCopier } from './copy-block.ts'
import type { MirrorTarget, MirrorOptions } from './copy-block.ts'
import { followTree } from './follow-tree.ts'
import type { FollowedTree } from './follow-tree.ts'
import { EntryScanner } from './scan-entries.ts'

/** What one run of a mirror did. */
export interface MirrorReport {
  readonly pin: LogPin
  readonly head: TreeHead
  /** Size of the copy before. */
  readonly from: number
  /** False when it was cancelled; the copy is what it was, and what was read is kept. */
  readonly isComplete: boolean
}

/** Small documents that are copied as they are: nothing in them is trusted by a reader of ours. */
const DOCUMENTS = ['log-key', 'log-keys', 'tlog-policy', '.well-known/scitt-keys', 'metadata.json']
const DOCUMENT_BYTES_MAX = 1_048_576

/**
 * Brings a copy up to date.
 * @throws AuditFault when the log is not what was copied before, or serves what it did not sign.
 */
export async function mirrorLog(options: MirrorOptions): Promise<MirrorReport> {
  const { target, onProgress, isCancelled } = options
  const copied = await readCopiedHead(target)
  const followed = await followTree(options, copied === undefined ? [] : [copied])
  const { head, bytes, pin } = followed
  const from = copied?.treeSize ?? 0
  const report = { pin, head, from }
  if (from < head.treeSize) {
    // The open bundle of the copy is read again from its start: it is wider now.
    const start = Math.floor(from / TILE_WIDTH) * TILE_WIDTH
    const scanner = new EntryScanner({ ...options, ...followed, from: start })
    const copy = new BlockCopier(options, followed)
    for (let block = await scanner.next(); block !== undefined; block = await scanner.next()) {
      await copy.write(block, from)
      onProgress?.(block.end, head.treeSize)
      if (isCancelled?.() === true && block.end < head.treeSize) {
        return { ...report, isComplete: false }
      }
    }
    await copyUpperTiles(options, followed, from)
  }
  await copyDocuments(options)
  await target.sync()
  await target.write('checkpoint', bytes)
  await target.sync()
  return { ...report, isComplete: true }
}

/** The head of the copy's own checkpoint, which was verified when it was written. */
async function readCopiedHead(target: MirrorTarget): Promise<TreeHead | undefined> {
  const bytes = await target.read('checkpoint', DOCUMENT_BYTES_MAX)
  return bytes === undefined ? undefined : treeHeadOf(parseCheckpoint(bytes))
}

async function copyDocuments({ reader, target }: MirrorOptions): Promise<void> {
  for (const path of DOCUMENTS) {
    const bytes = await reader.read(path, DOCUMENT_BYTES_MAX)
    if (bytes !== undefined) await target.write(path, bytes)
  }
}

/** Tiles above the leaves, as far as they changed since the copy had `from` entries. */
async function copyUpperTiles(
  { target }: MirrorOptions,
  { tree, head }: FollowedTree,
  from: number,
): Promise<void> {
  for (let level = 1; TILE_WIDTH ** level <= head.treeSize; level++) {
    const first = Math.floor(from / TILE_WIDTH ** (level + 1))
    for (let index = first; tileWidth(level, index, head.treeSize) > 0; index++) {
      const tile = await tree.tile(level, index)
      const width = tileWidth(level, index, head.treeSize)
      await target.write(encodeTilePath({ kind: 'hashes', level, index, width }), tile.hashes())
    }
  }
}
