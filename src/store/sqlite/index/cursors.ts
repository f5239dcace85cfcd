/**
 * Ordered streams of leaf indexes, one per filter of a query, each of which can be told to go on from
 * a place. They read in blocks that grow while a stream is read through and are small while others
 * make it jump, so that what is read is in proportion to what is found.
 */

/** A call costs about as much as a few rows. */
export const CALL_COST = 8
const BLOCK_MIN = 4
const BLOCK_MAX = 256

/** What a query reads, in rows, and what it may. */
export class Work {
  readonly #rowsMax: number
  rows = 0

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  /** One call that gave so many rows. */
  spend(rows: number): void {
    this.rows += rows + CALL_COST
  }

  get isDone(): boolean {
    return this.rows >= this.#rowsMax
  }
}

/** Ascending or descending. */
export interface Direction {
  readonly step: 1 | -1
  /** True when `a` comes before `b`. */
  readonly isBefore: (a: number, b: number) => boolean
}

export const ASCENDING: Direction = { step: 1, isBefore: (a, b) => a < b }
export const DESCENDING: Direction = { step: -1, isBefore: (a, b) => a > b }

export interface IndexCursor {
  /**
   * Goes to the first index from `target` on that passes the filter, or part of the way: then `at`
   * is a place before which there is none, and `isHit` is false. False where nothing follows.
   * Targets never go back.
   */
  seek(target: number): boolean
  readonly at: number
  readonly isHit: boolean
}

/** Every index passes. */
export class EveryIndex implements IndexCursor {
  at = 0
  readonly isHit: boolean = true

  seek(target: number): boolean {
    this.at = target
    return true
  }
}

/** Indexes that are known already, in order. */
export class KnownIndexes implements IndexCursor {
  readonly #indexes: readonly number[]
  readonly #direction: Direction
  #next = 0
  readonly isHit: boolean = true

  constructor(indexes: readonly number[], direction: Direction) {
    this.#direction = direction
    this.#indexes = [...indexes].sort((a, b) => (a - b) * direction.step)
  }

  get at(): number {
    return this.#indexes[this.#next]!
  }

  seek(target: number): boolean {
    const { isBefore } = this.#direction
    while (this.#next < this.#indexes.length && isBefore(this.at, target)) this.#next++
    return this.#next < this.#indexes.length
  }
}

/** Indexes in order; all pass unless `passed` says otherwise. */
export interface IndexBlock {
  readonly indexes: readonly number[]
  readonly passed?: readonly boolean[]
  /** Rows that were read for it, and calls beside the first, each as {@link CALL_COST} rows. */
  readonly rows: number
}

/** Indexes as they are stored, block by block. */
export class StoredIndexes implements IndexCursor {
  at: number = Number.NaN
  isHit = false
  readonly #direction: Direction
  readonly #work: Work
  readonly #readBlock: (from: number, count: number) => IndexBlock
  #block: IndexBlock = { indexes: [], rows: 0 }
  #next = 0
  #count = BLOCK_MIN
  #isLast = false

  /** @param readBlock gives at most `count` indexes from `from` on; fewer only at the end. */
  constructor(
    direction: Direction,
    work: Work,
    readBlock: (from: number, count: number) => IndexBlock,
  ) {
    this.#direction = direction
    this.#work = work
    this.#readBlock = readBlock
  }

  seek(target: number): boolean {
    const { isBefore, step } = this.#direction
    if (this.isHit && !isBefore(this.at, target)) return true
    if (this.#takeHit(target)) return true
    if (this.#isLast) return false
    const last = this.#block.indexes.at(-1)
    const isThrough = last !== undefined && !isBefore(last + step, target)
    const end = this.#read(isThrough ? last + step : target, isThrough)
    if (this.#takeHit(target)) return true
    if (end === undefined) return false
    this.at = end + step
    this.isHit = false
    return true
  }

  /** Goes to the next index of the block that passes. */
  #takeHit(target: number): boolean {
    const { indexes, passed } = this.#block
    while (this.#next < indexes.length) {
      const place = this.#next++
      const index = indexes[place]!
      if (passed?.[place] === false || this.#direction.isBefore(index, target)) continue
      this.at = index
      this.isHit = true
      return true
    }
    return false
  }

  /** Reads the next block; returns its last index, unless nothing follows it. */
  #read(from: number, isThrough: boolean): number | undefined {
    this.#count = isThrough ? Math.min(2 * this.#count, BLOCK_MAX) : BLOCK_MIN
    this.#block = this.#readBlock(from, this.#count)
    this.#next = 0
    const { indexes, rows } = this.#block
    this.#isLast = indexes.length < this.#count
    this.#work.spend(rows)
    return this.#isLast ? undefined : indexes.at(-1)
  }
}
