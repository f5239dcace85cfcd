/**
 * Where a check that was interrupted goes on: the tree at an earlier size, from its stored tiles. They
 * were compared with their entries when the check came by; should one have changed since, the next
 * head does not fit, which is what a check is for.
 */
import { assertInvariant } from '../errors.ts'
import { TreeEdge } from '../merkle/edge.ts'
import { HASH_BYTES } from '../merkle/hasher.ts'
import { rootNodes } from '../merkle/nodes.ts'
import { openTiles } from '../merkle/tiles.ts'
import { CompactRange } from './compact-range.ts'
import type { CheckingPorts } from './ports.ts'
import type { StoredEdge } from './read-edge.ts'

/** The stored tree as it was at `treeSize`, which no root vouches for here. */
export async function readTreeAt(
  { store, hasher }: Pick<CheckingPorts, 'store' | 'hasher'>,
  treeSize: number,
): Promise<StoredEdge> {
  if (treeSize === 0) return { edge: TreeEdge.empty(hasher), range: CompactRange.empty(hasher) }
  const open = openTiles(treeSize)
  const stored = await store.readTiles(open.filter(({ width }) => width > 0))
  const filled = stored.values()
  const tiles = open.map(({ width }) =>
    width === 0 ? new Uint8Array(0) : filled.next().value!.subarray(0, width * HASH_BYTES),
  )
  const edge = TreeEdge.fromTiles({ treeSize, openTiles: tiles }, hasher)
  const peaks = rootNodes(treeSize).map((id) => {
    const hash = edge.findNode(id)
    assertInvariant(hash !== undefined, 'every peak lies in an open tile')
    return { level: id.level, hash }
  })
  return { edge, range: CompactRange.fromPeaks(treeSize, peaks, hasher) }
}
