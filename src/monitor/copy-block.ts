/** Writes one verified block of a log into a copy: entries, tiles, heads, and a Receipt of each entry. */
import type { Sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { leafIndex } from '../bytes/integers.ts'
import { encodeInclusionReceipt } from '../cose/encode-receipt.ts'
import { encodeHeadBundle } from '../cose/head-bundle.ts'
import { withAttachedRoot } from '../cose/signed-tree-head.ts'
import { assertInvariant, AttestryError } from '../errors.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import { parseCheckpoint } from '../note/checkpoint.ts'
import { encodeEntryBundle } from '../note/entry-bundle.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import { encodeTlogProof } from '../note/tlog-proof.ts'
import { parseRegistrationJournal } from '../policy/registration-journal.ts'
import { attachReceipts } from '../statement/transparent-statement.ts'
import { findCollateral, readCollateral } from './collateral.ts'
import { findJournal } from './find-journal.ts'
import type { FollowedTree, FollowOptions } from './follow-tree.ts'
import { collateralPath, headBundlePath } from './log-source.ts'
import type { ResourceReader } from './resource-reader.ts'
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

export class BlockCopier {
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
