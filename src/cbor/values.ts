/** What CBOR items are in memory: what decoding yields and encoding takes. */

export type CborMap = ReadonlyMap<CborValue, CborValue>
/** What decoding yields and encoding takes. Integers beyond 2^53−1 are `bigint`. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly CborValue[]
  | CborMap
  | CborTag

/** A tagged item, never interpreted. */
export class CborTag {
  readonly tag: number
  readonly value: CborValue

  constructor(tag: number, value: CborValue) {
    this.tag = tag
    this.value = value
  }
}
