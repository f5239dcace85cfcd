/**
 * Paths of C2SP tlog-tiles below a log's prefix: `tile/<L>/<N>[.p/<W>]` for hashes and
 * `tile/entries/<N>[.p/<W>]` for bundles. One spelling each. Whether a tile exists in a tree is not
 * asked here (`merkle/tiles.ts`), nor are its bytes.
 */
import { InputError } from '../errors.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'

/** Highest tile level that the specification allows. */
export const TILE_LEVEL_MAX = 63
/** Longest canonical path: an index of 16 digits, and a width. */
export const TILE_PATH_CHARS_MAX = 64

/** A tile of hashes or a bundle of entries; a width of 256 is a full one. */
export type TilePath =
  | {
      readonly kind: 'hashes'
      readonly level: number
      readonly index: number
      readonly width: number
    }
  | { readonly kind: 'entries'; readonly index: number; readonly width: number }

const PATTERN = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/

/**
 * Parses a path, which has no leading slash.
 * @throws InputError `ERR_TILE_PATH` unless it is the canonical spelling.
 * @example
 * parseTilePath('tile/0/x001/x234/067.p/8') // { kind: 'hashes', level: 0, index: 1234067, width: 8 }
 */
export function parseTilePath(text: string): TilePath {
  const match = text.length <= TILE_PATH_CHARS_MAX ? PATTERN.exec(text) : null
  if (match === null) throw refused()
  const [, first, groups, partial] = match as unknown as [string, string, string, string?]
  const index = Number(groups.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  const path: TilePath =
    first === 'entries'
      ? { kind: 'entries', index, width }
      : { kind: 'hashes', level: Number(first), index, width }
  // Catches leading zeros and groups too many; the width of a full tile has no spelling.
  if (encodeTilePath(path) !== text) throw refused()
  return path
}

/** The path of a tile. @throws InputError `ERR_TILE_PATH` for a level, index or width out of range. */
export function encodeTilePath(path: TilePath): string {
  const { index, width } = path
  const isIndex = Number.isSafeInteger(index) && index >= 0
  if (!isIndex || !Number.isInteger(width) || width < 1 || width > TILE_WIDTH) throw refused()
  const suffix = width === TILE_WIDTH ? '' : `.p/${width}`
  return `tile/${levelOf(path)}/${encodeIndex(index)}${suffix}`
}

function levelOf(path: TilePath): string {
  if (path.kind === 'entries') return 'entries'
  const { level } = path
  if (!Number.isInteger(level) || level < 0 || level > TILE_LEVEL_MAX) throw refused()
  return String(level)
}

function encodeIndex(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/[0-9]{3}/g) as string[]
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
}

function refused(): InputError {
  return new InputError('ERR_TILE_PATH', 'not the canonical path of a tile or entry bundle')
}
