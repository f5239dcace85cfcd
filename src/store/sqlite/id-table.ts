/**
 * Entry ids with a number each, packed: two tables of sixteen thousand are searched for every
 * registration, and as a `Map` of texts they cost a text for each look-up, four objects for each id,
 * and their share of every garbage collection. Open addressing with linear probing; ids stay in the
 * order in which they came.
 */
/* eslint-disable no-bitwise -- hashes and slots of a table in memory: none is an index of the log */

const ID_BYTES = 32
const CAPACITY_MIN = 64
const EMPTY = 0

// Whoever signs statements can choose some bits of their ids, and must not choose where they are kept.
const [SEED_A, SEED_B, FACTOR_A, FACTOR_B] = crypto
  .getRandomValues(new Uint32Array(4))
  .map((word, at) => (at < 2 ? word : word | 1)) as unknown as readonly [
  number,
  number,
  number,
  number,
]

export class IdTable {
  #capacity: number
  #size = 0
  #ids: Uint8Array
  #values: Float64Array
  /** Position of an id and 1, or `EMPTY`; a power of two, at most half of them taken. */
  #slots: Uint32Array

  /** @param capacity ids that it has room for at once; it grows by itself. */
  constructor(capacity: number) {
    this.#capacity = Math.max(CAPACITY_MIN, capacity)
    this.#ids = new Uint8Array(this.#capacity * ID_BYTES)
    this.#values = new Float64Array(this.#capacity)
    this.#slots = emptySlots(this.#capacity)
  }

  get size(): number {
    return this.#size
  }

  /** The number of an id. */
  get(id: Uint8Array): number | undefined {
    if (this.#size === 0) return undefined
    const position = this.#slots[this.#slotOf(id)]! - 1
    return position < 0 ? undefined : this.#values[position]
  }

  /** Gives an id its number, whether it had one or not. */
  set(id: Uint8Array, value: number): void {
    if (this.#size === this.#capacity) this.#grow()
    const slot = this.#slotOf(id)
    let position = this.#slots[slot]! - 1
    if (position < 0) {
      position = this.#size++
      this.#slots[slot] = position + 1
      this.#ids.set(id, position * ID_BYTES)
    }
    this.#values[position] = value
  }

  clear(): void {
    this.#size = 0
    this.#slots.fill(EMPTY)
  }

  /** The id at a position, in the order of arrival; a copy. */
  idAt(position: number): Uint8Array {
    return this.#ids.slice(position * ID_BYTES, (position + 1) * ID_BYTES)
  }

  valueAt(position: number): number {
    return this.#values[position]!
  }

  /** All positions, in the order of the ids as far as their first four bytes tell. */
  sortedPositions(): Uint32Array {
    const keys = new Float64Array(this.#size)
    for (let at = 0; at < this.#size; at++) {
      keys[at] = (wordAt(this.#ids, at * ID_BYTES) >>> 0) * this.#size + at
    }
    return Uint32Array.from(keys.sort(), (key) => key % this.#size)
  }

  /** Where an id is, or would be put. */
  #slotOf(id: Uint8Array): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = mixed(id) & mask
    for (;;) {
      const taken = slots[slot]!
      if (taken === EMPTY || this.#isAt(id, (taken - 1) * ID_BYTES)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isAt(id: Uint8Array, start: number): boolean {
    const ids = this.#ids
    for (let at = 0; at < ID_BYTES; at++) if (ids[start + at] !== id[at]) return false
    return true
  }

  #grow(): void {
    const [ids, values] = [this.#ids, this.#values]
    this.#capacity *= 2
    this.#ids = new Uint8Array(this.#capacity * ID_BYTES)
    this.#values = new Float64Array(this.#capacity)
    this.#ids.set(ids)
    this.#values.set(values)
    this.#slots = emptySlots(this.#capacity)
    for (let at = 0; at < this.#size; at++) {
      const slot = this.#slotOf(ids.subarray(at * ID_BYTES, (at + 1) * ID_BYTES))
      this.#slots[slot] = at + 1
    }
  }
}

function emptySlots(capacity: number): Uint32Array {
  return new Uint32Array(2 ** Math.ceil(Math.log2(2 * capacity)))
}

/** Four bytes as one signed number. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

/** 32 bits of eight bytes of an id, mixed with what nobody outside knows. */
function mixed(id: Uint8Array): number {
  const a = Math.imul(wordAt(id, 0) ^ SEED_A, FACTOR_A)
  const b = Math.imul(wordAt(id, 4) ^ SEED_B, FACTOR_B)
  const sum = Math.imul((a ^ (b >>> 15)) + b, FACTOR_A)
  return sum ^ (sum >>> 16)
}
