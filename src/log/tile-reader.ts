/**
 * Tiles and entry bundles of the released tree (C2SP tlog-tiles), for whoever serves or exports them.
 * What is served hashes to the released root (I4): an open tile comes from the right edge in memory,
 * a full one must hash to its place in the tile above it, and so on up to the edge; an entry must
 * hash to its leaf. Every tile is stored once: a partial one is a prefix of it.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { leafIndex } from '../bytes/integers.ts'
import { assertInvariant } from '../errors.ts'
import type { TreeEdge } from '../merkle/edge.ts'
import { HASH_BYTES } from '../merkle/hasher.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import { expandTile, TILE_HEIGHT, TILE_WIDTH, tileWidth } from '../merkle/tiles.ts'
import type { OpenTile, TileId } from '../merkle/tiles.ts'
import { tileUnknown } from './answers.ts'
import type { LogStore } from './store.ts'

/** Where tiles come from, and the edge of the tree that they belong to. */
export interface TileSource {
  readonly store: Pick<LogStore, 'readTiles' | 'readEntries'>
  readonly hasher: TreeHasher
  readonly edge: TreeEdge
}

/**
 * The first `width` hashes of a tile.
 * @throws NotFoundError `ERR_TILE_UNKNOWN` unless the tree has all of them.
 * @throws InvariantError when what is stored does not lead to the root of the tree.
 */
export async function readTile(source: TileSource, tile: OpenTile): Promise<Uint8Array> {
  const { level, index, width } = tile
  if (width < 1 || width > tileWidth(level, index, source.edge.treeSize)) {
    throw tileUnknown(`tile ${index} of width ${width} at level ${level}`)
  }
  return (await readWholeTile(source, tile)).subarray(0, width * HASH_BYTES)
}

/**
 * The first `width` entries of a bundle.
 * @throws NotFoundError `ERR_TILE_UNKNOWN` unless the tree has all of them.
 * @throws InvariantError when one is not what was logged.
 */
export async function readBundle(
  source: TileSource,
  { index, width }: Omit<OpenTile, 'level'>,
): Promise<readonly Uint8Array[]> {
  const first = index * TILE_WIDTH
  if (width < 1 || width > tileWidth(0, index, source.edge.treeSize)) {
    throw tileUnknown(`bundle ${index} of width ${width}`)
  }
  const leaves = await readWholeTile(source, { level: 0, index })
  const stored = await source.store.readEntries(leafIndex(first), width)
  assertInvariant(stored.length === width, `entries are missing from ${first} on`)
  return stored.map(({ entry, leafIndex: at }, offset) => {
    const leaf = leaves.subarray(offset * HASH_BYTES, (offset + 1) * HASH_BYTES)
    const isLogged = at === first + offset && equalBytes(source.hasher.leaf(entry), leaf)
    assertInvariant(isLogged, `the stored entry ${first + offset} does not hash to its leaf`)
    return entry
  })
}

async function readWholeTile(source: TileSource, { level, index }: TileId): Promise<Uint8Array> {
  const { store, hasher, edge } = source
  const width = tileWidth(level, index, edge.treeSize)
  if (width < TILE_WIDTH) return openTile(edge, { level, index, width })
  const [hashes] = await store.readTiles([{ level, index }])
  const name = `tile ${index} of level ${level}`
  assertInvariant(hashes?.length === TILE_WIDTH * HASH_BYTES, `${name} is not stored whole`)
  const above = await readWholeTile(source, {
    level: level + 1,
    index: Math.floor(index / TILE_WIDTH),
  })
  const at = (index % TILE_WIDTH) * HASH_BYTES
  const root = expandTile(hashes, hasher).rootHash(hasher)
  const isLogged = equalBytes(root, above.subarray(at, at + HASH_BYTES))
  assertInvariant(isLogged, `${name} does not hash to the tile above it`)
  return hashes
}

/** The edge was computed from re-read bytes and has the root of the signed head. */
function openTile(edge: TreeEdge, { level, index, width }: OpenTile): Uint8Array {
  const hashes = new Uint8Array(width * HASH_BYTES)
  for (let at = 0; at < width; at++) {
    const node = edge.findNode({ level: level * TILE_HEIGHT, index: index * TILE_WIDTH + at })
    assertInvariant(node !== undefined, 'an open tile has its own hashes')
    hashes.set(node, at * HASH_BYTES)
  }
  return hashes
}
