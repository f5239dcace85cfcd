/**
 * What a batch wrote, read again in the round trip of its commit (design D7): the statement that reads
 * goes out right behind the commit on the same connection, and the server runs it when the commit is
 * durable, in a transaction of its own. A round trip costs more than what it brings.
 */
import { InvariantError } from '../../errors.ts'
import type { BatchCommit, StoredEntry, TileId } from '../../log/store.ts'
import type { LeafIndex } from '../../bytes/integers.ts'
import type { Statement } from './connection.ts'

/** A row for each entry, and one with its place, counted from -1 down, for each tile. */
export const READ_BACK: Statement = {
  name: 'read_back',
  text: `SELECT leaf_index AS n, bytes FROM entry WHERE leaf_index >= $1 AND leaf_index < $2
    UNION ALL SELECT -n, found.hashes
    FROM unnest($3::int[], $4::bigint[]) WITH ORDINALITY AS wanted (level, index, n),
    LATERAL (SELECT hashes FROM tile
      WHERE tile.level = wanted.level AND tile.index = wanted.index LIMIT 1) AS found`,
}

export interface ReadBackRow {
  readonly n: number
  readonly bytes: Uint8Array
}

type Rows = Promise<readonly ReadBackRow[]>

/** The values of {@link READ_BACK} for a batch. */
export function readBackValues({ expected, next, tiles }: BatchCommit): readonly unknown[] {
  const levels = tiles.map(({ level }) => level)
  const indexes = tiles.map(({ index }) => index)
  return [expected.treeHead.treeSize, next.treeHead.treeSize, levels, indexes]
}

/**
 * Answers once, to whoever asks for exactly this: the check that comes next. Anybody else, and whoever
 * asks later, reads anew, and is told so by `undefined`.
 */
export class ReadBack {
  readonly #first: number
  readonly #count: number
  readonly #tiles: readonly TileId[]
  #forEntries: Rows | undefined
  #forTiles: Rows | undefined

  constructor({ expected, entries, tiles }: BatchCommit, rows: Rows) {
    this.#first = expected.treeHead.treeSize
    this.#count = entries.length
    this.#tiles = tiles
    this.#forEntries = rows
    this.#forTiles = rows
  }

  entries(start: number, count: number): Promise<StoredEntry[]> | undefined {
    if (start !== this.#first || count !== this.#count) return undefined
    const read = this.#forEntries
    this.#forEntries = undefined
    return read?.then((rows) =>
      rows
        .filter(({ n }) => n >= 0)
        .map(({ n, bytes }) => ({ leafIndex: n as LeafIndex, entry: bytes }))
        .sort((a, b) => a.leafIndex - b.leafIndex),
    )
  }

  tiles(tiles: readonly TileId[]): Promise<Uint8Array[]> | undefined {
    const isSame =
      tiles.length === this.#tiles.length &&
      tiles.every(({ level, index }, at) => {
        const own = this.#tiles[at]!
        return own.level === level && own.index === index
      })
    if (!isSame) return undefined
    const read = this.#forTiles
    this.#forTiles = undefined
    return read?.then((rows) => {
      const places = rows.filter(({ n }) => n < 0).map(({ n, bytes }) => [-n, bytes] as const)
      return inPlace(tiles, new Map(places))
    })
  }
}

/**
 * Tiles by their place, counted from 1, in the order in which they were asked for.
 * @throws InvariantError when one is not there.
 */
export function inPlace(
  tiles: readonly TileId[],
  found: ReadonlyMap<number, Uint8Array>,
): Uint8Array[] {
  return tiles.map(({ level, index }, at) => {
    const hashes = found.get(at + 1)
    if (hashes !== undefined) return hashes
    throw new InvariantError(`tile ${index} of level ${level} is not stored`)
  })
}
