/** A node that was away for long: what it keeps of a large catch-up is bounded, and the tree is right. */
import { expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { CompactRange } from '../../src/log/compact-range.ts'
import { growTree } from '../../src/log/grow-tree.ts'
import { LOG_LIMITS } from '../../src/log/limits.ts'
import type { LogStore } from '../../src/log/store.ts'
import { TreeEdge } from '../../src/merkle/edge.ts'
import { TILE_WIDTH } from '../../src/merkle/tiles.ts'
import { entryOf, hasher } from '../support/test-log.ts'

it('keeps the newest tiles alone, however far the tree grows', async () => {
  const treeSize = (LOG_LIMITS.cacheTilesMax + 40) * TILE_WIDTH + 3
  const written = new Map<string, Uint8Array>()
  let edge = TreeEdge.empty(hasher)
  for (let at = 0; at < treeSize; at += 1024) {
    const count = Math.min(1024, treeSize - at)
    const leaves = Array.from({ length: count }, (_, n) => hasher.leaf(entryOf(String(at + n))))
    const appended = edge.append(leaves)
    for (const { level, index, hashes } of appended.tiles) written.set(`${level}/${index}`, hashes)
    edge = appended.edge
  }
  const store: Pick<LogStore, 'readEntries' | 'readTiles' | 'shared'> = {
    shared: true,
    readEntries: async (start, count) =>
      Array.from({ length: count }, (_, n) => ({
        ...{ leafIndex: leafIndex(start + n), entry: entryOf(String(start + n)) },
      })),
    readTiles: async (tiles) => tiles.map(({ level, index }) => written.get(`${level}/${index}`)!),
  }
  const empty = { edge: TreeEdge.empty(hasher), range: CompactRange.empty(hasher) }
  const ports = { store: store as LogStore, hasher }
  const grown = await growTree(ports, empty, { treeSize, keep: new Set([5]) })
  expect(grown.rootHash).toEqual(edge.rootHash())
  expect([...grown.kept]).toEqual([[5, entryOf('5')]])
  expect(grown.tiles).toHaveLength(LOG_LIMITS.cacheTilesMax)
  expect(grown.tiles.at(-1)).toMatchObject({ level: 0, index: LOG_LIMITS.cacheTilesMax + 39 })
})
