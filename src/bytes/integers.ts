/**
 * Positions and sizes of the tree as branded safe integers, so that an index cannot be passed for
 * a size. JavaScript's bit operators are 32-bit and are not used anywhere on these.
 */
import { InputError } from '../errors.ts'

declare const brand: unique symbol
/** A `Base` that only its own constructor function makes. */
export type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** 0-based position of a leaf. */
export type LeafIndex = Branded<number, 'LeafIndex'>
/** Number of leaves. */
export type TreeSize = Branded<number, 'TreeSize'>
/** Seconds since 1970-01-01T00:00:00Z, an integer. */
export type UnixSeconds = number

function checked(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InputError('ERR_MERKLE_RANGE', `${what} ${value} is not an integer in 0..2^53-1`)
  }
  return value
}

/** @throws InputError `ERR_MERKLE_RANGE` unless 0 ≤ value ≤ 2^53−1. */
export function leafIndex(value: number): LeafIndex {
  return checked(value, 'leaf index') as LeafIndex
}

/** @throws InputError `ERR_MERKLE_RANGE` unless 0 ≤ value ≤ 2^53−1. */
export function treeSize(value: number): TreeSize {
  return checked(value, 'tree size') as TreeSize
}

/**
 * A non-negative decimal without sign, leading zeros or white space, at most 2^53−1.
 * @throws InputError `ERR_BYTES_ENCODING` for anything that does not print back the same.
 */
export function parseDecimal(text: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value) || String(value) !== text) {
    throw new InputError('ERR_BYTES_ENCODING', 'expected a canonical decimal number')
  }
  return value
}

const POWERS: readonly number[] = Array.from({ length: 54 }, (_, exponent) => 2 ** exponent)

/** 2^exponent for 0 ≤ exponent ≤ 53, exact. A table: `**` calls into C, which shows on every proof. */
export function powerOfTwo(exponent: number): number {
  return POWERS[exponent]!
}
