/**
 * Reads the entries of a tree in order, a bundle at a time, and recomputes the tree from them: every
 * leaf is compared with its authenticated tile, every signed head with the root that the entries
 * before it have. A few bundles are fetched ahead; nothing is kept.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { TreeEdge } from '../merkle/edge.ts'
import type { LeafHash, TreeHasher } from '../merkle/hasher.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import type { ExpandedTile } from '../merkle/tiles.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import { AuditFault } from './audit-fault.ts'
import type { AuthenticatedTree } from './authenticated-tree.ts'
import type { EntriesRead, LogSource } from './log-source.ts'
import { assertSameRoot } from './signed-heads.ts'
import type { SignedHeads, VerifiedHead } from './signed-heads.ts'

const BUNDLES_AHEAD = 4

/** Entries [start, end) of the log, within one bundle, known to be in the signed tree. */
export interface Block {
  readonly start: number
  readonly end: number
  readonly entries: readonly Uint8Array[]
  /** From the first head that covers `start` to the first that covers the last entry. */
  readonly heads: readonly VerifiedHead[]
  /** The tree that ends with this block. */
  readonly edge: TreeEdge
}

export interface ScanOptions {
  readonly source: LogSource
  readonly tree: AuthenticatedTree
  readonly heads: SignedHeads
  readonly hasher: TreeHasher
  /** The first entry to read. */
  readonly from: number
}

interface ScannedLeaves {
  readonly start: number
  readonly leaves: readonly LeafHash[]
  readonly heads: readonly VerifiedHead[]
}

interface Fetched {
  readonly read: EntriesRead
  readonly tile: ExpandedTile | AuditFault
  readonly heads: readonly VerifiedHead[]
}

export class EntryScanner {
  readonly #options: ScanOptions
  readonly #ahead: { readonly start: number; readonly fetched: Promise<Fetched> }[] = []
  #fetchFrom: number
  #edge: TreeEdge | undefined
  #timeBefore = 0

  constructor(options: ScanOptions) {
    this.#options = options
    this.#fetchFrom = options.from
  }

  /**
   * The next block, or `undefined` at the end of the tree.
   * @throws AuditFault `tile`, `fork` or `evidence`.
   */
  async next(): Promise<Block | undefined> {
    this.#fetchAhead()
    const next = this.#ahead.shift()
    if (next === undefined) return undefined
    this.#edge ??= await this.#options.tree.edgeAt(next.start)
    const { read, tile, heads } = await next.fetched
    const { start } = next
    const leaves = read.entries
      .slice(start % TILE_WIDTH)
      .map((entry) => this.#options.hasher.leaf(entry))
    if (tile instanceof AuditFault) throw this.#locate(tile, { start, leaves, heads })
    this.#compare(start, leaves, tile)
    if (read.fault !== undefined) throw read.fault
    this.#edge = this.#append(this.#edge, { start, leaves, heads })
    const entries = read.entries.slice(start % TILE_WIDTH)
    return { start, end: start + entries.length, entries, heads, edge: this.#edge }
  }

  /** A block that was scanned before, read a second time. @throws AuditFault `tile`. */
  async reread(block: Block): Promise<Block> {
    const { source, tree, hasher } = this.#options
    const index = Math.floor(block.start / TILE_WIDTH)
    const first = index * TILE_WIDTH
    const read = await source.entries(index, block.end - first)
    const entries = read.entries.slice(block.start - first)
    const leaves = entries.map((entry) => hasher.leaf(entry))
    this.#compare(block.start, leaves, await tree.tile(0, index))
    if (read.fault !== undefined) throw read.fault
    return { ...block, entries }
  }

  #fetchAhead(): void {
    const { treeSize } = this.#options.tree.head
    while (this.#ahead.length < BUNDLES_AHEAD && this.#fetchFrom < treeSize) {
      const start = this.#fetchFrom
      const index = Math.floor(start / TILE_WIDTH)
      const end = Math.min((index + 1) * TILE_WIDTH, treeSize)
      const fetched = this.#fetch(index, start, end)
      // It is awaited in its turn, perhaps after the failure of an earlier one.
      fetched.catch(() => undefined)
      this.#ahead.push({ start, fetched })
      this.#fetchFrom = end
    }
  }

  async #fetch(index: number, start: number, end: number): Promise<Fetched> {
    const { source, tree, heads } = this.#options
    const [read, tile, spanning] = await Promise.all([
      source.entries(index, end - index * TILE_WIDTH),
      tree.tile(0, index).catch((error: unknown) => {
        if (error instanceof AuditFault) return error
        throw error
      }),
      heads.spanning(start, end),
    ])
    return { read, tile, heads: spanning }
  }

  /** The leaves are all there is: the first signed head that they do not lead to names a batch. */
  #locate(fault: AuditFault, block: ScannedLeaves): AuditFault {
    try {
      this.#append(this.#edge!, block)
      return fault
    } catch (error) {
      if (!(error instanceof AuditFault) || error.kind !== 'fork') throw error
      const { leafIndex = block.start, treeSize } = error.place
      return new AuditFault(
        'tile',
        `${fault.message}; entries ${leafIndex} to ${treeSize! - 1} do not lead to the head signed then`,
        { ...fault.place, leafIndex },
      )
    }
  }

  #compare(start: number, leaves: readonly LeafHash[], tile: ExpandedTile): void {
    const at = leaves.findIndex(
      (leaf, offset) => !equalBytes(leaf, tile.node(0, (start % TILE_WIDTH) + offset)),
    )
    if (at < 0) return
    const leafIndex = start + at
    const index = Math.floor(leafIndex / TILE_WIDTH)
    const path = encodeTilePath({ kind: 'entries', index, width: tile.width })
    throw new AuditFault('tile', `entry ${leafIndex} in ${path} does not hash to its leaf`, {
      leafIndex,
      tile: path,
    })
  }

  /** Appends the leaves, stopping at every signed head to compare roots. */
  #append(edge: TreeEdge, { start, leaves, heads }: ScannedLeaves): TreeEdge {
    let next = edge
    let batchStart = start
    for (const head of heads) {
      if (head.registrationTime < this.#timeBefore) {
        throw new AuditFault('evidence', `the head of size ${head.treeSize} goes back in time`, {
          treeSize: head.treeSize,
        })
      }
      this.#timeBefore = head.registrationTime
      if (head.treeSize > start + leaves.length) break
      next = next.append(leaves.slice(next.treeSize - start, head.treeSize - start)).edge
      const here = { treeSize: next.treeSize, rootHash: next.rootHash() }
      assertSameRoot(head, here, batchStart)
      batchStart = head.treeSize
    }
    return next.append(leaves.slice(next.treeSize - start)).edge
  }
}
