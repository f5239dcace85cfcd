/**
 * A verified copy of a log's static face (R35): everything is checked against the signed tree before
 * it is written, and the checkpoint last, so that a copy is whole at every moment. Receipts are not
 * fetched but put together from the verified head and tiles. Admissions are not judged: a mirror
 * keeps what the log published, and an audit of the mirror tells what it is worth.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { leafIndex } from '../bytes/integers.ts'
import { encodeHeadBundle } from '../cose/head-bundle.ts'
import { encodeInclusionReceipt } from '../cose/encode-receipt.ts'
import { withAttachedRoot } from '../cose/signed-tree-head.ts'
import { assertInvariant, AttestryError } from '../errors.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { TILE_WIDTH, tileWidth } from '../merkle/tiles.ts'
import { parseCheckpoint, treeHeadOf } from '../note/checkpoint.ts'
import { encodeEntryBundle } from '../note/entry-bundle.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import { encodeTlogProof } from '../note/tlog-proof.ts'
import { parseRegistrationJournal } from '../policy/registration-journal.ts'
import { attachReceipts } from '../statement/transparent-statement.ts'
import type { LogPin } from './audit-state.ts'
import { findCollateral, readCollateral } from './collateral.ts'
import { findJournal } from './find-journal.ts'
import { followTree } from './follow-tree.ts'
import type { FollowedTree, FollowOptions } from './follow-tree.ts'
import { collateralPath, headBundlePath } from './log-source.ts'
import type { ResourceReader } from './resource-reader.ts'
import { EntryScanner } from './scan-entries.ts'
import type { Block } from './scan-entries.ts'
import type { VerifiedHead } from './signed-heads.ts'

/** The copy: read as any log is, and written file by file. */
export interface MirrorTarget extends ResourceReader {
  /** Replaces the bytes at a path, whole. */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** Removes the partial tiles of a tile or bundle that is full now. */
  removePartials(path: string): Promise<void>
  /** Makes the tree that was written so far durable. */
  sync(): Promise<void>
}

export interface MirrorOptions extends FollowOptions {
  readonly target: MirrorTarget
  /** Where what is copied beside the tree comes from: keys, the policy of witnesses. */
  readonly reader: ResourceReader
  readonly sha256: Sha256
  readonly onProgress?: (done: number, treeSize: number) => void
  readonly isCancelled?: () => boolean
}

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

class BlockCopier {
  readonly #options: MirrorOptions
  readonly #followed: FollowedTree

  constructor(options: MirrorOptions, followed: FollowedTree) {
    this.#options = options
    this.#followed = followed
  }

  async write(block: Block, from: number): Promise<void> {
    const { target } = this.#options
    const { tree } = this.#followed
    const index = Math.floor(block.start / TILE_WIDTH)
    const width = block.end - block.start
    const path = { index, width }
    await target.write(
      encodeTilePath({ kind: 'entries', ...path }),
      encodeEntryBundle(block.entries),
    )
    const tile = await tree.tile(0, index)
    await target.write(encodeTilePath({ kind: 'hashes', level: 0, ...path }), tile.hashes())
    // Those that the scanner held against the entries, not what the log would serve now.
    const heads = block.heads.filter(({ treeSize }) => treeSize <= block.end)
    const served = heads.map(({ signed }) => withAttachedRoot(signed))
    await target.write(headBundlePath(index, width), encodeHeadBundle(served))
    if (width === TILE_WIDTH) {
      await target.removePartials(encodeTilePath({ kind: 'entries', ...path }))
      await target.removePartials(encodeTilePath({ kind: 'hashes', level: 0, ...path }))
      await target.removePartials(headBundlePath(index, width))
    }
    for (const [at, { treeSize }] of heads.entries()) {
      if (treeSize > from) await target.write(`heads/${treeSize}`, served[at]!)
    }
    for (const [offset, entry] of block.entries.entries()) {
      const at = block.start + offset
      if (at < from) continue
      const first = block.heads.find(({ treeSize }) => treeSize > at)
      assertInvariant(first !== undefined, `no head of the block covers entry ${at}`)
      await this.#writeEvidence(at, entry, first)
      await this.#writeCollateral(entry)
    }
  }

  async #writeEvidence(at: number, entry: Uint8Array, first: VerifiedHead): Promise<void> {
    const { target, sha256 } = this.#options
    const { tree, bytes, current } = this.#followed
    const { treeSize, signed } = current
    const inclusionPath = await tree.inclusionPath(at)
    const proof = { leafIndex: leafIndex(at), inclusionPath }
    const directory = `entries/${encodeHex(sha256(entry))}`
    const receipt = encodeInclusionReceipt(signed, { treeSize, ...proof })
    await target.write(`${directory}/receipt`, receipt)
    await target.write(
      `${directory}/tlog-proof`,
      encodeTlogProof({ ...proof, checkpoint: parseCheckpoint(bytes) }),
    )
    try {
      const statement = attachReceipts(entry, [await this.#receiptAt(first, at)])
      await target.write(`${directory}/statement`, statement)
    } catch (error) {
      // An entry that is no statement has no Transparent Statement; the audit reports it.
      if (!(error instanceof AttestryError)) throw error
    }
  }

  /** Against the first head that covers an entry it says the registration time. */
  async #receiptAt({ treeSize, signed }: VerifiedHead, at: number): Promise<Uint8Array> {
    const inclusionPath = await this.#followed.tree.inclusionPath(at, treeSize)
    return encodeInclusionReceipt(signed, { treeSize, leafIndex: leafIndex(at), inclusionPath })
  }

  async #writeCollateral(entry: Uint8Array): Promise<void> {
    const { target, sha256 } = this.#options
    const payload = findJournal(entry, sha256)
    if (payload === undefined) return
    let pieces
    try {
      pieces = parseRegistrationJournal(payload).collateral
    } catch (error) {
      if (!(error instanceof AttestryError)) throw error
      return
    }
    for (const piece of pieces) {
      // Content may have been pruned since; an audit of the copy tells whether it was.
      const bytes =
        piece.kind === 'preimage'
          ? await findCollateral(piece, this.#options)
          : await readCollateral(piece, this.#options)
      if (bytes !== undefined) await target.write(collateralPath(piece.digest), bytes)
    }
  }
}
