/**
 * Head bundles, ours: every signed tree head of up to 256 consecutive sizes, ascending, each after its
 * length as a big-endian uint16, as entry bundles have it. Bundle `index` holds the heads of the sizes
 * (256 · index, 256 · (index + 1)]. An auditor learns from them, in one read for 256 entries, when
 * each entry was registered; a log signs a head per batch, so there may be one head or 256 in it, and
 * none where a batch was larger.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'

/** Sizes in a full bundle: the width of a tile. */
export const HEAD_BUNDLE_WIDTH = 256
/** Largest head that is read; ours have some 250 bytes. */
const HEAD_BYTES_MAX = 4096
/** Largest bundle. */
export const HEAD_BUNDLE_BYTES_MAX: number = HEAD_BUNDLE_WIDTH * (2 + HEAD_BYTES_MAX)

const LENGTH_BYTES = 2

/** Index of the bundle that a head of this size is in. */
export function headBundleOf(treeSize: number): number {
  return Math.floor((treeSize - 1) / HEAD_BUNDLE_WIDTH)
}

/** The bundle of these heads, each a COSE_Sign1 with its root attached. */
export function encodeHeadBundle(heads: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    ...heads.flatMap((head) => [
      Uint8Array.of(Math.floor(head.length / 256), head.length % 256),
      head,
    ]),
  )
}

/**
 * The heads of a bundle, as views of it, not parsed.
 * @throws InputError `ERR_BUNDLE_MALFORMED` unless it is 0 to 256 whole heads.
 */
export function parseHeadBundle(bundle: Uint8Array): Uint8Array[] {
  const heads: Uint8Array[] = []
  for (let at = 0; at < bundle.length;) {
    const start = at + LENGTH_BYTES
    const length = (bundle[at] ?? 0) * 256 + (bundle[at + 1] ?? 0)
    const isWhole = start + length <= bundle.length && length > 0 && length <= HEAD_BYTES_MAX
    if (!isWhole || heads.length === HEAD_BUNDLE_WIDTH) {
      throw new InputError(
        'ERR_BUNDLE_MALFORMED',
        'a head bundle is cut short or has bytes too many',
      )
    }
    heads.push(bundle.subarray(start, start + length))
    at = start + length
  }
  return heads
}
