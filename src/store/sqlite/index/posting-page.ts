/**
 * The postings of one row of `posting_page`: keys in one array, and at the same places the statements
 * that have them. Both lie in the row as they lie in memory, so that a page is searched where it is.
 */
import { assertInvariant } from '../../../errors.ts'
import { blob } from '../database.ts'

const KEY_BYTES = Float64Array.BYTES_PER_ELEMENT
const POSTING_BYTES = KEY_BYTES + Uint32Array.BYTES_PER_ELEMENT
/** A row of that many fills a page of SQLite. */
export const PAGE_POSTINGS = 337

/** Ascending by key, then by offset; there is always one. */
export interface PostingPage {
  readonly keys: Float64Array
  /** Distances from the first index of the run. */
  readonly offsets: Uint32Array
}

export function readPage(value: unknown): PostingPage {
  const bytes = blob(value)
  const count = bytes.length / POSTING_BYTES
  assertInvariant(count > 0 && Number.isInteger(count), 'a page of postings is cut')
  const isAligned = bytes.byteOffset % KEY_BYTES === 0
  const { buffer, byteOffset } = isAligned ? bytes : bytes.slice()
  return {
    keys: new Float64Array(buffer, byteOffset, count),
    offsets: new Uint32Array(buffer, byteOffset + count * KEY_BYTES, count),
  }
}

/** The place of the first posting that is not before this one; the page's length when all are. */
export function findPlace({ keys, offsets }: PostingPage, key: number, offset: number): number {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const isBefore = keys[middle]! < key || (keys[middle] === key && offsets[middle]! < offset)
    if (isBefore) low = middle + 1
    else high = middle
  }
  return low
}

/** Makes pages of postings that come in order. */
export class PageBuilder {
  readonly #keys = new Float64Array(PAGE_POSTINGS)
  readonly #offsets = new Uint32Array(PAGE_POSTINGS)
  readonly #insert: (page: PostingPage, bytes: Uint8Array) => void
  #count = 0

  /** @param insert is given each page as it is complete, and must not keep it. */
  constructor(insert: (page: PostingPage, bytes: Uint8Array) => void) {
    this.#insert = insert
  }

  add(key: number, offset: number): void {
    if (this.#count === PAGE_POSTINGS) this.end()
    this.#keys[this.#count] = key
    this.#offsets[this.#count++] = offset
  }

  /** No posting follows, or a page of its own does. */
  end(): void {
    if (this.#count === 0) return
    const keys = this.#keys.subarray(0, this.#count)
    const offsets = this.#offsets.subarray(0, this.#count)
    const bytes = Buffer.allocUnsafe(this.#count * POSTING_BYTES)
    bytes.set(new Uint8Array(keys.buffer, 0, keys.byteLength))
    bytes.set(new Uint8Array(offsets.buffer, 0, offsets.byteLength), keys.byteLength)
    this.#count = 0
    this.#insert({ keys, offsets }, bytes)
  }
}
