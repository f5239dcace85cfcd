/** The right edge and the tiles it writes, against the definition of C2SP tlog-tiles. */
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.ts'
import { InputError, InvariantError } from '../../src/errors.ts'
import { TreeEdge } from '../../src/merkle/edge.ts'
import type { TileWrite } from '../../src/merkle/edge.ts'
import type { LeafHash } from '../../src/merkle/hasher.ts'
import { expandTile, openTiles, tileOfNode, tileWidth } from '../../src/merkle/tiles.ts'
import type { OpenTile } from '../../src/merkle/tiles.ts'
import { fakeLeafHashes, NaiveTree, nativeHasher } from '../support/naive-tree.ts'

const leaves = fakeLeafHashes(70_000)
const tree = new NaiveTree(leaves)

/** Hash i of tile n at level l = MTH(D[(256n+i)·256^l : (256n+i+1)·256^l]). */
function naiveTile(level: number, index: number, width: number): Uint8Array {
  const span = 256 ** level
  const hashes = Array.from({ length: width }, (_, i) =>
    tree.mth((256 * index + i) * span, (256 * index + i + 1) * span),
  )
  return new Uint8Array(Buffer.concat(hashes))
}

const contentOf = ({ level, index, width }: OpenTile): Uint8Array => naiveTile(level, index, width)
const name = ({ level, index }: { level: number; index: number }): string => `${level}/${index}`

/** Appends all leaves up to `size`, in batches of the given lengths, over and over. */
function grow(size: number, batches: readonly number[]): { edge: TreeEdge; tiles: TileWrite[] } {
  let edge = TreeEdge.empty(nativeHasher)
  const tiles: TileWrite[] = []
  for (let turn = 0; edge.treeSize < size; turn++) {
    const length = Math.min(batches[turn % batches.length]!, size - edge.treeSize)
    const appended = edge.append(leaves.slice(edge.treeSize, edge.treeSize + length))
    edge = appended.edge
    tiles.push(...appended.tiles)
  }
  return { edge, tiles }
}

describe('the right edge', () => {
  it('has the root of the RFC at every size up to 600, leaf by leaf', () => {
    let edge = TreeEdge.empty(nativeHasher)
    expect(edge.rootHash()).toEqual(nativeHasher.emptyRoot)
    for (let size = 1; size <= 600; size++) {
      edge = edge.append(leaves.slice(size - 1, size)).edge
      expect(edge.treeSize).toBe(size)
      expect(edge.rootHash()).toEqual(tree.root(size))
    }
  })

  it.each([
    [70_000, [70_000]],
    [70_000, [30, 1, 255, 256, 257, 1000]],
    [65_536, [65_535, 1]],
    [65_537, [65_536]],
    [513, [1]],
  ])('at size %i in batches of %j writes each tile as defined', (size, batches) => {
    const { edge, tiles } = grow(size, batches)
    expect(edge.rootHash()).toEqual(tree.root(size))
    const stored = new Map(tiles.map((tile) => [name(tile), tile]))
    const wrong: string[] = []
    let expected = 0
    for (const { level, index: last } of openTiles(size)) {
      for (let index = 0; index <= last; index++) {
        const width = tileWidth(level, index, size)
        if (width === 0) continue
        expected += 1
        const hashes = stored.get(name({ level, index }))?.hashes ?? new Uint8Array(0)
        if (!equalBytes(hashes, naiveTile(level, index, width))) wrong.push(name({ level, index }))
      }
    }
    expect(wrong).toEqual([])
    expect(stored.size).toBe(expected)
  })

  it('rewrites only what an append touches, each tile once and whole', () => {
    const { edge } = grow(255, [255])
    const { tiles } = edge.append(leaves.slice(255, 255 + 258))
    expect(tiles.map((tile) => [tile.level, tile.index, tile.hashes.length / 32])).toEqual([
      [0, 0, 256],
      [0, 1, 256],
      [0, 2, 1],
      [1, 0, 2],
    ])
  })

  it('changes nothing when nothing is appended', () => {
    const { edge } = grow(300, [300])
    const appended = edge.append([])
    expect(appended.tiles).toEqual([])
    expect(appended.edge.treeSize).toBe(300)
    expect(appended.edge.rootHash()).toEqual(edge.rootHash())
  })

  it.each([0, 1, 2, 255, 256, 257, 1000, 65_535, 65_536, 65_537, 70_000])(
    'rebuilt from its tiles at size %i goes on as if never lost',
    (size) => {
      const tiles = openTiles(size).map(contentOf)
      const rebuilt = TreeEdge.fromTiles({ treeSize: size, openTiles: tiles }, nativeHasher)
      const { edge } = grow(size, [1777])
      expect(rebuilt.rootHash()).toEqual(edge.rootHash())
      const more = fakeLeafHashes(600, 99)
      const [a, b] = [rebuilt.append(more), edge.append(more)]
      expect(a.tiles).toEqual(b.tiles)
      expect(a.edge.rootHash()).toEqual(b.edge.rootHash())
    },
  )

  it('is refused from tiles of another size', () => {
    const tiles = openTiles(300).map(contentOf)
    const rebuild = (treeSize: number, open: readonly Uint8Array[]): TreeEdge =>
      TreeEdge.fromTiles({ treeSize, openTiles: open }, nativeHasher)
    expect(() => rebuild(299, tiles)).toThrow(InvariantError)
    expect(() => rebuild(301, tiles)).toThrow(InvariantError)
    expect(() => rebuild(300, tiles.slice(0, 1))).toThrow(InvariantError)
    expect(() => rebuild(300, [...tiles, new Uint8Array(32)])).toThrow(InvariantError)
    expect(() => rebuild(300, [tiles[0]!.slice(1), tiles[1]!])).toThrow(InvariantError)
    expect(rebuild(300, [...tiles, new Uint8Array(0)]).treeSize).toBe(300)
  })

  it('ends at 2^53-1 leaves', () => {
    const treeSize = 2 ** 53 - 2
    const tiles = openTiles(treeSize).map(({ width }) => new Uint8Array(32 * width))
    const edge = TreeEdge.fromTiles({ treeSize, openTiles: tiles }, nativeHasher)
    const last = edge.append(leaves.slice(0, 1))
    expect(last.edge.treeSize).toBe(2 ** 53 - 1)
    expect(last.tiles).toHaveLength(1)
    expect(() => edge.append(leaves.slice(0, 2))).toThrow(InputError)
    expect(() => last.edge.append(leaves.slice(0, 1))).toThrow(
      expect.objectContaining({ code: 'ERR_MERKLE_RANGE' }) as Error,
    )
  })
})

describe('an edge is never changed', () => {
  it.each([0, 1, 100, 250, 256])('by appends to it: futures of size %i do not meet', (size) => {
    const { edge } = grow(size, [250])
    const rootHash = edge.rootHash()
    const futures = [2, 3, 4].map((seed) => {
      const more = fakeLeafHashes(40, seed)
      const naive = new NaiveTree([...leaves.slice(0, size), ...more])
      return { naive, edge: edge.append(more).edge }
    })
    // A later append to the first future must not disturb the others either.
    futures[0]?.edge.append(fakeLeafHashes(300, 5))
    for (const { naive, edge: future } of futures) {
      expect(future.rootHash()).toEqual(naive.root())
      for (let index = size; index < size + 40; index++) {
        const isOpen = tileOfNode({ level: 0, index }).index === Math.floor((size + 40) / 256)
        const expected = isOpen ? naive.leaves[index] : undefined
        expect(future.findNode({ level: 0, index })).toEqual(expected)
      }
    }
    expect(edge.rootHash()).toEqual(rootHash)
    expect(edge.findNode({ level: 0, index: size })).toBeUndefined()
    expect(edge.findNode({ level: 1, index: Math.floor(size / 2) })).toBeUndefined()
  })

  it('by a failed append', () => {
    const { edge } = grow(5, [5])
    const bad = [leaves[5]!, new Uint8Array(31) as LeafHash]
    expect(() => edge.append(bad)).toThrow(InvariantError)
    expect(edge.append(leaves.slice(5, 9)).edge.rootHash()).toEqual(tree.root(9))
  })

  it('through what it hands out', () => {
    const { edge, tiles } = grow(5, [5])
    edge.rootHash().fill(0)
    edge.findNode({ level: 2, index: 0 })?.fill(0)
    for (const tile of tiles) tile.hashes.fill(0)
    expect(edge.rootHash()).toEqual(tree.root(5))
    expect(edge.append(leaves.slice(5, 9)).edge.rootHash()).toEqual(tree.root(9))
  })
})

describe('nodes of the edge', () => {
  it.each([1, 255, 256, 257, 999])('are found at size %i exactly in open tiles', (size) => {
    const { edge } = grow(size, [7])
    const open = openTiles(size)
    for (let level = 0; level <= 11; level++) {
      for (let index = 0; index * 2 ** level <= size; index++) {
        const end = (index + 1) * 2 ** level
        const tile = tileOfNode({ level, index })
        const isOpen = open[tile.level]?.index === tile.index && end <= size
        const expected = isOpen ? tree.mth(index * 2 ** level, end) : undefined
        expect(edge.findNode({ level, index })).toEqual(expected)
      }
    }
  })
})

describe('tiles', () => {
  it('have the widths of the specification at size 70,000', () => {
    expect(openTiles(70_000)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ])
    expect(openTiles(256)).toEqual([
      { level: 0, index: 1, width: 0 },
      { level: 1, index: 0, width: 1 },
    ])
    expect(openTiles(0)).toEqual([])
    expect(openTiles(2 ** 53 - 1)).toHaveLength(7)
    expect([0, 272, 273, 274].map((index) => tileWidth(0, index, 70_000))).toEqual([
      256, 256, 112, 0,
    ])
    expect(tileWidth(3, 0, 70_000)).toBe(0)
  })

  it('hold the nodes of eight levels', () => {
    expect(tileOfNode({ level: 0, index: 255 })).toEqual({ level: 0, index: 0 })
    expect(tileOfNode({ level: 0, index: 256 })).toEqual({ level: 0, index: 1 })
    expect(tileOfNode({ level: 7, index: 1 })).toEqual({ level: 0, index: 0 })
    expect(tileOfNode({ level: 7, index: 2 })).toEqual({ level: 0, index: 1 })
    expect(tileOfNode({ level: 8, index: 255 })).toEqual({ level: 1, index: 0 })
    expect(tileOfNode({ level: 0, index: 2 ** 53 - 2 })).toEqual({ level: 0, index: 2 ** 45 - 1 })
  })

  it('expand to nodes that are complete, and to no others', () => {
    const tile = expandTile(naiveTile(0, 0, 200), nativeHasher)
    expect(tile.node(0, 199)).toEqual(leaves[199])
    expect(tile.node(7, 0)).toEqual(tree.mth(0, 128))
    expect(tile.node(6, 2)).toEqual(tree.mth(128, 192))
    for (const [height, index] of [
      [0, 200],
      [4, 12],
      [7, 1],
      [8, 0],
      [0, -1],
      [-1, 0],
    ] as const) {
      expect(() => tile.node(height, index)).toThrow(InvariantError)
    }
    expect(() => tile.rootHash(nativeHasher)).toThrow(InvariantError)
  })

  it.each([1, 31, 33, 257 * 32])('are refused when stored with %i bytes', (length) => {
    expect(() => expandTile(new Uint8Array(length), nativeHasher)).toThrow(InvariantError)
  })
})
