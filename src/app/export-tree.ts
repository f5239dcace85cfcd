/** The tree of an export: bundles, tiles, heads, collateral, and what is one file an entry. */
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { leafIndex } from '../bytes/integers.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { encodeHeadBundle } from '../cose/head-bundle.ts'
import { encodeInclusionReceipt } from '../cose/encode-receipt.ts'
import { withAttachedRoot } from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant } from '../errors.ts'
import type { IsPruned } from '../log/check-stored.ts'
import type { LogSnapshot } from '../log/open-snapshot.ts'
import { openTiles, TILE_WIDTH } from '../merkle/tiles.ts'
import { encodeEntryBundle } from '../note/entry-bundle.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import { REGISTRATION_JOURNAL_MEDIA_TYPE } from '../payload/media-types.ts'
import { parseRegistrationJournal } from '../policy/registration-journal.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { attachReceipts } from '../statement/transparent-statement.ts'
import type { ExportDirectory, ExportState, JournalIndex } from './export-directory.ts'

/** Told how many entries are written, and of how many. */
export type OnExported = (progress: { readonly entries: number; readonly treeSize: number }) => void

interface ExporterParts {
  readonly snapshot: LogSnapshot
  readonly directory: ExportDirectory
  readonly tilesOnly: boolean
  readonly isPruned: IsPruned
}

/** Writes them, one bundle at a time. */
export class TreeExporter {
  readonly #parts: ExporterParts
  readonly #treeSize: number
  /** The first head that has the entry which was written last. */
  #covering: SignedTreeHead | undefined

  constructor(parts: ExporterParts) {
    this.#parts = parts
    this.#treeSize = parts.snapshot.head.treeHead.treeSize
  }

  async writeBundles(begun: ExportState, onProgress: OnExported | undefined): Promise<void> {
    const { directory } = this.#parts
    const journal = await directory.openJournal(begun)
    try {
      for (let index = begun.nextBundle; index * TILE_WIDTH < this.#treeSize; index++) {
        const journalBytes = await this.#writeBundle(index, journal)
        directory.saveState({ ...begun, nextBundle: index + 1, journalBytes })
        const entries = Math.min((index + 1) * TILE_WIDTH, this.#treeSize)
        onProgress?.({ entries, treeSize: this.#treeSize })
      }
    } finally {
      await journal.close()
    }
  }

  /** The tiles at the right edge, above the lowest level. */
  async writeOpenTiles(): Promise<void> {
    for (const { level, index, width } of openTiles(this.#treeSize)) {
      if (level > 0 && width > 0) await this.#writeTile(level, index, width)
    }
  }

  async #writeBundle(index: number, journal: JournalIndex): Promise<number> {
    const { snapshot, directory, tilesOnly } = this.#parts
    const first = index * TILE_WIDTH
    const width = Math.min(TILE_WIDTH, this.#treeSize - first)
    const entries = await snapshot.tree.readBundle({ index, width })
    const bundlePath = encodeTilePath({ kind: 'entries', index, width })
    directory.writeOnce(bundlePath, encodeEntryBundle(entries))
    await this.#writeTile(0, index, width)
    // A tile above is full with the last one below it.
    for (let level = 1, below = index; width === TILE_WIDTH && below % 256 === 255; level++) {
      below = (below - 255) / 256
      await this.#writeTile(level, below, TILE_WIDTH)
    }
    await this.#writeHeads(bundlePath.replace('tile/entries/', 'heads/bundle/'), first, width)
    await this.#writeCollateral(first, width)
    if (!tilesOnly) {
      // One after the other: together, each would read and hash the same tiles.
      for (const [at, entry] of entries.entries()) await this.#writeEntry(first + at, entry)
    }
    return journal.append(entries.flatMap((entry, at) => journalLine(first + at, entry)))
  }

  async #writeTile(level: number, index: number, width: number): Promise<void> {
    const { snapshot, directory } = this.#parts
    const path = encodeTilePath({ kind: 'hashes', level, index, width })
    directory.writeOnce(path, await snapshot.tree.readTile({ level, index, width }))
  }

  async #writeHeads(path: string, after: number, width: number): Promise<void> {
    const { snapshot, directory, tilesOnly } = this.#parts
    const heads = await snapshot.tree.signedHeads(after, after + width)
    const attached = heads.map(withAttachedRoot)
    directory.writeOnce(path, encodeHeadBundle(attached))
    if (tilesOnly) return
    for (const [at, { treeHead }] of heads.entries()) {
      directory.writeOnce(`heads/${treeHead.treeSize}`, attached[at]!)
    }
  }

  async #writeEntry(index: number, entry: Uint8Array): Promise<void> {
    const { snapshot, directory } = this.#parts
    const leaf = leafIndex(index)
    const prefix = `entries/${encodeHex(sha256(entry))}`
    directory.write(`${prefix}/receipt`, await this.#makeReceipt(leaf, snapshot.head))
    // One by a later head would say a time at which the issuer's certificate may have run out.
    const first = await this.#makeReceipt(leaf, await this.#findFirstHead(leaf))
    directory.write(`${prefix}/statement`, attachReceipts(entry, [first]))
  }

  async #makeReceipt(leaf: LeafIndex, head: SignedTreeHead): Promise<Uint8Array> {
    return encodeInclusionReceipt(head, await this.#parts.snapshot.tree.inclusionProof(leaf, head))
  }

  async #findFirstHead(leaf: LeafIndex): Promise<SignedTreeHead> {
    if (this.#covering === undefined || this.#covering.treeHead.treeSize <= leaf) {
      this.#covering = await this.#parts.snapshot.tree.firstHeadCovering(leaf)
    }
    assertInvariant(this.#covering !== undefined, `no head covers entry ${leaf}`)
    return this.#covering
  }

  /** Each piece once a bundle, however many entries share it. */
  async #writeCollateral(first: number, width: number): Promise<void> {
    const { snapshot, directory, isPruned } = this.#parts
    const pieces = await snapshot.tree.entryCollateral(first, first + width)
    const digests = new Map(pieces.map(({ digest }) => [encodeHex(digest), digest]))
    for (const [name, digest] of digests) {
      if (await isPruned(digest)) continue
      const bytes = await snapshot.tree.readCollateral(digest)
      directory.writeOnce(`collateral/sha256:${name}`, bytes)
    }
  }
}

function journalLine(index: number, entry: Uint8Array): Readonly<Record<string, unknown>>[] {
  const { headers, message, entryId } = parseSignedStatement(entry)
  if (headers.contentType !== REGISTRATION_JOURNAL_MEDIA_TYPE || message.payload === null) return []
  const { from, to } = parseRegistrationJournal(message.payload)
  return [{ leafIndex: index, entryId, from, to }]
}
