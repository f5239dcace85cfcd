/** Paths read from the edge and from stored tiles, and what reading costs. */
import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/errors.ts'
import { TreeEdge } from '../../src/merkle/edge.ts'
import { createTreeHasher } from '../../src/merkle/hasher.ts'
import type { TreeHasher } from '../../src/merkle/hasher.ts'
import { resolvePath, TileNodeReader } from '../../src/merkle/node-reader.ts'
import { consistencyPathNodes, inclusionPathNodes } from '../../src/merkle/nodes.ts'
import { verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { fakeLeafHashes, NaiveTree, nativeHasher } from '../support/naive-tree.ts'

const SIZE = 70_000
const leaves = fakeLeafHashes(SIZE, 3)
const tree = new NaiveTree(leaves)
const { edge, tiles } = TreeEdge.empty(nativeHasher).append(leaves)
const stored = new Map(tiles.map((tile) => [`${tile.level}/${tile.index}`, tile.hashes]))

function reader(cacheTiles?: number): { reader: TileNodeReader; reads: string[] } {
  const reads: string[] = []
  const readTile = (level: number, index: number): Uint8Array => {
    reads.push(`${level}/${index}`)
    return stored.get(`${level}/${index}`)!
  }
  const limits = cacheTiles === undefined ? {} : { cacheTiles }
  return { reader: new TileNodeReader({ edge, readTile, hasher: nativeHasher, ...limits }), reads }
}

const SAMPLE = [0, 1, 255, 256, 300, 65_535, 65_536, 69_887, 69_888, 69_999]

describe('paths of a stored tree', () => {
  it.each(SAMPLE)('lead from leaf %i to the root', (leafIndex) => {
    const path = resolvePath(inclusionPathNodes(leafIndex, SIZE), reader().reader)
    expect(path).toEqual(tree.path(leafIndex, 0, SIZE))
    verifyInclusion({
      leafHash: leaves[leafIndex]!,
      leafIndex,
      treeSize: SIZE,
      inclusionPath: path,
      rootHash: edge.rootHash(),
    })
  })

  it.each([1, 2, 255, 256, 257, 1000, 65_536, 65_537, 69_999, 70_000])(
    'lead from size %i to the current size, and from it to nothing smaller',
    (size1) => {
      const path = resolvePath(consistencyPathNodes(size1, SIZE), reader().reader)
      expect(path).toEqual(tree.proof(size1, SIZE))
    },
  )

  it('answer for older heads too, without mixing them up with the current one', () => {
    const { reader: nodes } = reader()
    for (const treeSize of [SIZE, 69_999, 66_000, 257, SIZE]) {
      for (const leafIndex of SAMPLE.filter((index) => index < treeSize)) {
        const path = resolvePath(inclusionPathNodes(leafIndex, treeSize), nodes)
        expect(path).toEqual(tree.path(leafIndex, 0, treeSize))
      }
    }
  })

  it('do not exist beyond the edge', () => {
    const { reader: nodes, reads } = reader()
    expect(() => nodes.node({ level: 0, index: SIZE })).toThrow(InvariantError)
    expect(() => nodes.node({ level: 17, index: 0 })).toThrow(InvariantError)
    expect(reads).toEqual([])
  })

  it('are not read from a tile that is shorter in storage than in the tree', () => {
    const readTile = (): Uint8Array => new Uint8Array(255 * 32)
    const nodes = new TileNodeReader({ edge, readTile, hasher: nativeHasher })
    expect(() => nodes.node({ level: 0, index: 3 })).toThrow(InvariantError)
  })

  it('cannot be spoiled by what was handed out', () => {
    const { reader: nodes } = reader()
    const plan = inclusionPathNodes(0, SIZE)
    for (const hash of resolvePath(plan, nodes)) hash.fill(0)
    for (const hash of resolvePath(plan, nodes)) hash.fill(0)
    expect(resolvePath(plan, nodes)).toEqual(tree.path(0, 0, SIZE))
  })
})

const setBits = (value: number): number => value.toString(2).replaceAll('0', '').length

describe('what reading costs', () => {
  it('one read per full tile, then none', () => {
    const { reader: nodes, reads } = reader()
    for (const leafIndex of [0, 1, 100, 255])
      resolvePath(inclusionPathNodes(leafIndex, SIZE), nodes)
    expect(reads).toEqual(['0/0', '1/0'])
  })

  it('the least recently used tile is dropped first', () => {
    const { reader: nodes, reads } = reader(2)
    const leaf = (index: number): unknown => nodes.node({ level: 0, index: index * 256 })
    for (const index of [0, 1, 0, 2, 0, 1]) leaf(index)
    expect(reads).toEqual(['0/0', '0/1', '0/2', '0/1'])
  })

  it('names the tiles to fetch first, for storage behind promises', () => {
    const { reader: nodes, reads } = reader()
    const plan = inclusionPathNodes(300, SIZE)
    const missing = nodes.missingTiles(plan)
    expect(missing.map((id) => `${id.level}/${id.index}`)).toEqual(['0/1', '1/0'])
    for (const id of missing) {
      nodes.addTile(id, stored.get(`${id.level}/${id.index}`)!)
    }
    expect(nodes.missingTiles(plan)).toEqual([])
    expect(resolvePath(plan, nodes)).toEqual(tree.path(300, 0, SIZE))
    expect(reads).toEqual([])
  })

  it('nothing for the leaves of a batch, also where the batch completes tiles', () => {
    let current = TreeEdge.empty(nativeHasher)
    const readTile = (level: number, index: number): Uint8Array => {
      throw new Error(`unexpected read of ${level}/${index}`)
    }
    let nodes = new TileNodeReader({ edge: current, readTile, hasher: nativeHasher })
    for (const length of [1, 30, 255, 256, 1000, 64_000, 30]) {
      const start = current.treeSize
      const appended = current.append(leaves.slice(start, start + length))
      current = appended.edge
      nodes = nodes.forEdge(current, appended.tiles)
      for (const leafIndex of [start, start + Math.floor(length / 2), start + length - 1]) {
        const path = resolvePath(inclusionPathNodes(leafIndex, current.treeSize), nodes)
        expect(path).toEqual(tree.path(leafIndex, 0, current.treeSize))
      }
    }
  })

  it('few hashes per batch: about one per leaf, and the right edge once', () => {
    let count = 0
    const counting: TreeHasher = {
      ...nativeHasher,
      node: (left, right) => {
        count += 1
        return nativeHasher.node(left, right)
      },
    }
    const open = TreeEdge.empty(counting).append(leaves.slice(0, 69_930)).edge
    count = 0
    const appended = open.append(leaves.slice(69_930, 69_960))
    // A tree of n leaves has n - (set bits of n) complete inner nodes; each is hashed exactly once.
    expect(count).toBe(30 + setBits(69_930) - setBits(69_960))
    const readTile = (): Uint8Array => new Uint8Array(0)
    const nodes = new TileNodeReader({ edge: appended.edge, readTile, hasher: counting })
    count = 0
    for (let leafIndex = 69_930; leafIndex < 69_960; leafIndex++) {
      resolvePath(inclusionPathNodes(leafIndex, 69_960), nodes)
    }
    // One fold per set bit of the size at most, however many leaves the batch has.
    expect(count).toBeLessThanOrEqual(17)
  })

  it('never shares a hash block between two hashers', () => {
    const seen: string[] = []
    const hasher = createTreeHasher((data) => {
      seen.push(Buffer.from(data).toString('hex'))
      return new Uint8Array(32)
    })
    hasher.node(leaves[0]!, leaves[1]!)
    expect(seen.at(-1)).toBe('01' + Buffer.concat([leaves[0]!, leaves[1]!]).toString('hex'))
  })
})
