/** What CBOR may be at most, for the scan and for what reads without it. */

/** Bounds of one CBOR item. */
export interface CborLimits {
  /** Total length in bytes. */
  readonly bytes: number
  /** Nesting of arrays, maps and tags. */
  readonly depth: number
  /** Number of items, at all levels. */
  readonly items: number
  /** Tags of a foreign format that pass too; the decoder must not act on them. */
  readonly tags?: readonly number[]
}

export const CBOR_LIMITS: CborLimits = { bytes: 1024 * 1024, depth: 16, items: 10_000 }

/** Header labels and claim names are short; a key is compared as text. */
export const MAP_KEY_BYTES_MAX = 256
