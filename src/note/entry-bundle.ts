/**
 * Entry bundles of C2SP tlog-tiles: 1 to 256 entries, each after its length as a big-endian uint16.
 * Entries are opaque here. A full bundle can have 16 MiB, so there is a reader for streams that holds
 * one entry at a time. A partial bundle is a prefix of every later one of the same index.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'

/** Largest entry that the length prefix can state. */
export const BUNDLE_ENTRY_BYTES_MAX = 65_535
/** Largest bundle. */
export const BUNDLE_BYTES_MAX: number = TILE_WIDTH * (2 + BUNDLE_ENTRY_BYTES_MAX)

const LENGTH_BYTES = 2

/**
 * The bundle of these entries.
 * @throws InputError `ERR_BUNDLE_MALFORMED` unless they are 1 to 256 of at most 65,535 bytes each.
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  requireWidth(entries.length)
  return concatBytes(...entries.flatMap((entry) => [encodeLength(entry), entry]))
}

function encodeLength({ length }: Uint8Array): Uint8Array {
  if (length > BUNDLE_ENTRY_BYTES_MAX) {
    throw refused(`an entry has more than ${BUNDLE_ENTRY_BYTES_MAX} bytes`)
  }
  return Uint8Array.of(Math.floor(length / 256), length % 256)
}

/**
 * The entries of a bundle, as views of it.
 * @throws InputError `ERR_BUNDLE_MALFORMED` unless it is exactly `width` whole entries.
 */
export function parseEntryBundle(bundle: Uint8Array, width: number): Uint8Array[] {
  const { entries, end } = readEntries(bundle, width)
  if (end !== bundle.length) throw surplus(width)
  return entries
}

/**
 * The partial bundle of `width` entries at the start of a bundle of at least as many.
 * @throws InputError `ERR_BUNDLE_MALFORMED` when it has fewer whole entries.
 */
export function sliceEntryBundle(bundle: Uint8Array, width: number): Uint8Array {
  return bundle.subarray(0, readEntries(bundle, width).end)
}

function readEntries(bundle: Uint8Array, width: number): { entries: Uint8Array[]; end: number } {
  requireWidth(width)
  const entries: Uint8Array[] = []
  let end = 0
  while (entries.length < width) {
    const length = lengthAt(bundle, end)
    if (length === undefined || end + LENGTH_BYTES + length > bundle.length) {
      throw cutShort(entries.length, width)
    }
    entries.push(bundle.subarray(end + LENGTH_BYTES, end + LENGTH_BYTES + length))
    end += LENGTH_BYTES + length
  }
  return { entries, end }
}

/**
 * The entries of a bundle that arrives in chunks, each a copy, as soon as it is complete.
 * @throws InputError `ERR_BUNDLE_MALFORMED` unless the stream is exactly `width` whole entries.
 */
export async function* streamEntryBundle(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  width: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  requireWidth(width)
  let count = 0
  let held: Uint8Array[] = []
  let heldBytes = 0
  // Bytes to wait for before looking again, so that many small chunks are joined once per entry.
  let wanted = LENGTH_BYTES
  for await (const chunk of chunks) {
    held.push(chunk)
    heldBytes += chunk.length
    if (count === width && heldBytes > 0) throw surplus(width)
    if (heldBytes < wanted) continue
    const bytes = held.length === 1 ? chunk : concatBytes(...held)
    let at = 0
    let length = lengthAt(bytes, at)
    while (length !== undefined && at + LENGTH_BYTES + length <= bytes.length) {
      if (count === width) throw surplus(width)
      yield bytes.slice(at + LENGTH_BYTES, at + LENGTH_BYTES + length)
      count += 1
      at += LENGTH_BYTES + length
      length = lengthAt(bytes, at)
    }
    held = at < bytes.length ? [bytes.slice(at)] : []
    heldBytes = bytes.length - at
    wanted = LENGTH_BYTES + (length ?? 0)
    if (count === width && heldBytes > 0) throw surplus(width)
  }
  if (count < width || heldBytes > 0) throw cutShort(count, width)
}

function lengthAt(bytes: Uint8Array, at: number): number | undefined {
  const [high, low] = [bytes[at], bytes[at + 1]]
  return high === undefined || low === undefined ? undefined : high * 256 + low
}

function requireWidth(width: number): void {
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) {
    throw refused(`a bundle has 1 to ${TILE_WIDTH} entries, not ${width}`)
  }
}

function cutShort(count: number, width: number): InputError {
  return refused(`the bundle ends after ${count} of ${width} entries`)
}

function surplus(width: number): InputError {
  return refused(`the bundle goes on after ${width} entries`)
}

function refused(message: string): InputError {
  return new InputError('ERR_BUNDLE_MALFORMED', message)
}
