/**
 * CBOR values as short text in the manner of diagnostic notation (RFC 8949 §8). For people only: long
 * strings are cut, and nothing parses this again.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { CborTag } from '../../cbor/decode.ts'
import type { CborMap, CborValue } from '../../cbor/decode.ts'
import type { Item } from './item.ts'

const BYTES_SHOWN = 64
const TEXT_SHOWN = 400
const ITEMS_SHOWN = 200

/** Hex of a byte string; a long one is cut and its length given. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length <= BYTES_SHOWN) return `h'${encodeHex(bytes)}'`
  return `h'${encodeHex(bytes.subarray(0, 16))}…' (${bytes.length} bytes)`
}

/** Quoted text; a long one is cut and its length given. */
export function quoted(text: string): string {
  if (text.length <= TEXT_SHOWN) return `"${text}"`
  return `"${text.slice(0, TEXT_SHOWN)}…" (${text.length} characters)`
}

/** True for a decoded CBOR map. */
export function isMap(value: CborValue): value is CborMap {
  return value instanceof Map
}

/** A value without members on one line; `undefined` for arrays, maps and tags that have members. */
function scalarText(value: CborValue): string | undefined {
  if (value instanceof Uint8Array) return bytesText(value)
  if (typeof value === 'string') return quoted(value)
  if (value instanceof CborTag || isMap(value)) return undefined
  if (Array.isArray(value)) {
    const parts = (value as readonly CborValue[]).map((member) =>
      typeof member === 'object' && member !== null && !(member instanceof Uint8Array)
        ? undefined
        : scalarText(member),
    )
    const text = `[${parts.join(', ')}]`
    return parts.includes(undefined) || text.length > TEXT_SHOWN ? undefined : text
  }
  if (value === null) return 'null'
  return typeof value === 'object' ? undefined : String(value)
}

/** Any CBOR value as an item with its members below it. */
export function cborItem(name: string, value: CborValue): Item {
  const text = scalarText(value)
  if (text !== undefined) return { name, value: text }
  if (value instanceof CborTag) {
    return { name, note: `tag ${value.tag}`, items: [cborItem('content', value.value)] }
  }
  if (isMap(value)) {
    const members = [...value].map(([key, member]) => cborItem(keyText(key), member))
    return { name, note: `map of ${value.size}`, items: cut(members) }
  }
  const list = value as readonly CborValue[]
  const members = list.map((member, index) => cborItem(`[${index}]`, member))
  return { name, note: `array of ${list.length}`, items: cut(members) }
}

/** A map key on one line. */
export function keyText(key: CborValue): string {
  // The scan lets integers and strings be keys, nothing else.
  return scalarText(key) ?? 'unreadable key'
}

function cut(items: readonly Item[]): readonly Item[] {
  if (items.length <= ITEMS_SHOWN) return items
  return [...items.slice(0, ITEMS_SHOWN), { name: `… and ${items.length - ITEMS_SHOWN} more` }]
}
