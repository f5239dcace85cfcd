/** A tile's key in its table: one integer for level and index. */
import type { TileId } from '../../log/store.ts'

// Levels stay below 7 and indexes below 2^44, since a tree has at most 2^52 leaves here.
const LEVEL_FACTOR = 2 ** 44

export function tileKey({ level, index }: TileId): number {
  return level * LEVEL_FACTOR + index
}
