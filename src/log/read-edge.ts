/**
 * The right edge of the stored tree, recomputed from stored bytes: open tiles give the root, and the
 * last entries must hash to the leaves that the tiles hold. A full check of everything is
 * `check-log.ts`; this one costs the same for every size of log.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { leafIndex } from '../bytes/integers.ts'
import { encodeHex } from '../bytes/hex.ts'
import { assertInvariant, InvariantError, StartError } from '../errors.ts'
import { TreeEdge } from '../merkle/edge.ts'
import { HASH_BYTES } from '../merkle/hasher.ts'
import { rootNodes } from '../merkle/nodes.ts'
import { openTiles, TILE_WIDTH } from '../merkle/tiles.ts'
import { CompactRange } from './compact-range.ts'
import type { CheckingPorts } from './ports.ts'
import type { StoredHead } from './store.ts'

/** How many of the last entries are hashed again. */
const LAST_ENTRIES = TILE_WIDTH

export interface StoredEdge {
  readonly edge: TreeEdge
  readonly range: CompactRange
}

type EdgePorts = Pick<CheckingPorts, 'store' | 'hasher'>

/** @throws StartError `ERR_LOG_CORRUPT` when stored bytes do not lead to the stored head. */
export async function readEdge(
  ports: EdgePorts,
  state: Pick<StoredHead, 'treeHead'>,
): Promise<StoredEdge> {
  try {
    return await recomputeEdge(ports, state)
  } catch (cause) {
    if (!(cause instanceof InvariantError)) throw cause
    throw new StartError(
      'ERR_LOG_CORRUPT',
      `the stored log does not hash to its own head: ${cause.message}. Do not sign with it. ` +
        `Run \`attestry log check\` to see what is damaged, and put an undamaged newest copy back`,
      { cause },
    )
  }
}

async function recomputeEdge(
  ports: EdgePorts,
  state: Pick<StoredHead, 'treeHead'>,
): Promise<StoredEdge> {
  const { store, hasher } = ports
  const { treeSize, rootHash } = state.treeHead
  assertInvariant(treeSize > 0, 'the stored tree is empty')
  const open = openTiles(treeSize)
  const contents = await store.readTiles(open.filter(({ width }) => width > 0))
  const filled = contents.values()
  const tiles = open.map(({ width }) => {
    const tile = width === 0 ? new Uint8Array(0) : filled.next().value!
    // Another node may have extended it meanwhile.
    return store.shared === true ? tile.subarray(0, width * HASH_BYTES) : tile
  })
  const edge = TreeEdge.fromTiles({ treeSize, openTiles: tiles }, hasher)
  const range = CompactRange.fromPeaks(
    treeSize,
    rootNodes(treeSize).map((id) => {
      const hash = edge.findNode(id)
      assertInvariant(hash !== undefined, 'every peak lies in an open tile')
      return { level: id.level, hash }
    }),
    hasher,
  )
  for (const root of [edge.rootHash(), range.rootHash()]) {
    assertInvariant(
      equalBytes(root, rootHash),
      `the tiles of tree size ${treeSize} have the root ${encodeHex(root)}, ` +
        `the head says ${encodeHex(rootHash)}`,
    )
  }
  await checkLastEntries(ports, treeSize)
  return { edge, range }
}

async function checkLastEntries({ store, hasher }: EdgePorts, treeSize: number): Promise<void> {
  const first = Math.max(0, treeSize - LAST_ENTRIES)
  const stored = await store.readEntries(leafIndex(first), LAST_ENTRIES + 1)
  const entries = store.shared === true ? stored.slice(0, treeSize - first) : stored
  assertInvariant(
    first + entries.length === treeSize,
    `the head says ${treeSize} entries, ${first + entries.length} are stored`,
  )
  const tileIndexes = [...new Set([first, treeSize - 1].map((at) => Math.floor(at / TILE_WIDTH)))]
  const tiles = await store.readTiles(tileIndexes.map((index) => ({ level: 0, index })))
  entries.forEach(({ leafIndex: index, entry }, offset) => {
    assertInvariant(index === first + offset, `entry ${first + offset} is missing`)
    const tile = tiles[tileIndexes.indexOf(Math.floor(index / TILE_WIDTH))]!
    const at = (index % TILE_WIDTH) * HASH_BYTES
    assertInvariant(
      equalBytes(tile.subarray(at, at + HASH_BYTES), hasher.leaf(entry)),
      `entry ${index} does not hash to its leaf`,
    )
  })
}
