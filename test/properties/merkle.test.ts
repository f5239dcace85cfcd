/** Random trees and random ways to grow them. `ATTESTRY_SLOW=1` raises counts and sizes to 2^20. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TreeEdge } from '../../src/merkle/edge.ts'
import type { LeafHash } from '../../src/merkle/hasher.ts'
import { resolvePath, TileNodeReader } from '../../src/merkle/node-reader.ts'
import { consistencyPathNodes, inclusionPathNodes } from '../../src/merkle/nodes.ts'
import { openTiles } from '../../src/merkle/tiles.ts'
import { rootFromConsistency, verifyConsistency } from '../../src/merkle/verify-consistency.ts'
import { rootFromInclusion, verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { fakeLeafHashes, NaiveTree, nativeHasher } from '../support/naive-tree.ts'

const isSlow = process.env['ATTESTRY_SLOW'] === '1'
const SIZE_MAX = isSlow ? 2 ** 20 : 2 ** 15
const numRuns = isSlow ? 300 : 40
const seed = Number(process.env['ATTESTRY_SEED'] ?? Date.now() % 2 ** 31)
console.info(`merkle properties: seed ${seed}, sizes to ${SIZE_MAX}`)

const leaves = fakeLeafHashes(SIZE_MAX, seed)
const tree = new NaiveTree(leaves)
const stored = new Map<string, Uint8Array>()

const { edge, tiles } = TreeEdge.empty(nativeHasher).append(leaves)
for (const tile of tiles) stored.set(`${tile.level}/${tile.index}`, tile.hashes)
const nodes = new TileNodeReader({
  edge,
  readTile: (level, index) => stored.get(`${level}/${index}`)!,
  hasher: nativeHasher,
  cacheTiles: 16,
})

// Sizes of every magnitude, not only large ones.
const size = fc
  .tuple(fc.integer({ min: 1, max: Math.log2(SIZE_MAX) }), fc.nat())
  .map(([bits, value]) => 1 + (value % 2 ** bits))

describe('random trees', () => {
  it('prove every leaf they have, as the RFC does', () => {
    const property = fc.property(size, fc.nat(), (treeSize, position) => {
      const leafIndex = position % treeSize
      const inclusionPath = resolvePath(inclusionPathNodes(leafIndex, treeSize), nodes)
      expect(inclusionPath).toEqual(tree.path(leafIndex, 0, treeSize))
      const leafHash = leaves[leafIndex]!
      const claim = { leafHash, leafIndex, treeSize, inclusionPath, rootHash: tree.root(treeSize) }
      verifyInclusion(claim, nativeHasher)
    })
    fc.assert(property, { seed, numRuns: 5 * numRuns })
  })

  it('prove every size they had, as the RFC does', () => {
    const property = fc.property(size, size, (a, b) => {
      const [treeSize1, treeSize2] = [Math.min(a, b), Math.max(a, b)]
      const consistencyPath = resolvePath(consistencyPathNodes(treeSize1, treeSize2), nodes)
      expect(consistencyPath).toEqual(tree.proof(treeSize1, treeSize2))
      const [rootHash1, rootHash2] = [tree.root(treeSize1), tree.root(treeSize2)]
      const claim = { treeSize1, treeSize2, rootHash1, rootHash2, consistencyPath }
      verifyConsistency(claim, nativeHasher)
    })
    fc.assert(property, { seed, numRuns: 5 * numRuns })
  })

  it('have one root, whatever the batches, the crashes and the failed commits', () => {
    const steps = fc.array(
      fc.record({
        length: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 200, max: 700 })),
        event: fc.constantFrom('commit', 'commit', 'fail', 'restart'),
      }),
      { maxLength: 30 },
    )
    const property = fc.property(steps, (plan) => {
      let current = TreeEdge.empty(nativeHasher)
      const written = new Map<string, Uint8Array>()
      for (const { length, event } of plan) {
        const start = current.treeSize
        if (event === 'fail') current.append(fakeLeafHashes(length + 1, length + 7))
        const appended = current.append(leaves.slice(start, start + length))
        for (const tile of appended.tiles) written.set(`${tile.level}/${tile.index}`, tile.hashes)
        current = appended.edge
        if (event === 'restart') {
          const open = openTiles(current.treeSize).map(
            ({ level, index }) => written.get(`${level}/${index}`) ?? new Uint8Array(0),
          )
          const last = { treeSize: current.treeSize, openTiles: open }
          current = TreeEdge.fromTiles(last, nativeHasher)
        }
        expect(current.rootHash()).toEqual(tree.root(current.treeSize))
      }
    })
    fc.assert(property, { seed, numRuns })
  })
})

describe('random input to the verifiers', () => {
  const hash = fc.uint8Array({ minLength: 31, maxLength: 33 })
  const integer = fc.oneof(fc.bigInt({ min: -2n, max: 2n ** 65n }), fc.bigInt(0n, 70n), fc.double())
  const path = fc.array(hash, { maxLength: 70 })
  const code = /^ERR_(MERKLE_RANGE|RECEIPT_PROOF|CONSISTENCY)$/
  const outcome = (run: () => unknown): string => {
    try {
      run()
      return 'ERR_MERKLE_RANGE'
    } catch (error) {
      return String((error as { code?: unknown }).code)
    }
  }

  it('is answered or refused with a code, never with a crash', () => {
    const property = fc.property(integer, integer, hash, path, (a, b, first, rest) => {
      const inclusion = {
        leafHash: first as LeafHash,
        leafIndex: a,
        treeSize: b,
        inclusionPath: rest,
      }
      const rootHash1 = tree.root(1)
      const consistency = { treeSize1: a, treeSize2: b, rootHash1, consistencyPath: rest }
      expect(outcome(() => rootFromInclusion(inclusion, nativeHasher))).toMatch(code)
      expect(outcome(() => rootFromConsistency(consistency, nativeHasher))).toMatch(code)
    })
    fc.assert(property, { seed, numRuns: 20 * numRuns })
  })
})
