/** CBOR sequences (RFC 8742): items one behind the other, each of them looked at strictly. */
import { InputError } from '../errors.ts'
import { scanItem } from './scan.ts'

/**
 * The items of a sequence, as views of `bytes`.
 * @throws InputError as `scanCbor`; `ERR_CBOR_LIMIT` for more than `itemsMax` items, or a longer one
 *   than `itemBytesMax`.
 */
export function splitCborSequence(
  bytes: Uint8Array,
  { itemsMax, itemBytesMax }: { readonly itemsMax: number; readonly itemBytesMax: number },
): Uint8Array[] {
  const items: Uint8Array[] = []
  for (let start = 0; start < bytes.length;) {
    if (items.length === itemsMax) {
      throw new InputError('ERR_CBOR_LIMIT', `a sequence of more than ${itemsMax} items`)
    }
    const end = scanItem(bytes, start, { bytes: bytes.length })
    if (end - start > itemBytesMax) {
      throw new InputError(
        'ERR_CBOR_LIMIT',
        `item ${items.length} is longer than ${itemBytesMax} bytes`,
      )
    }
    items.push(bytes.subarray(start, end))
    start = end
  }
  return items
}
