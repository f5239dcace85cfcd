/**
 * Cursors of paged answers: where the next page begins, and the tree size that all pages cover. One
 * belongs to one query; a changed cursor, and one of another query, is refused. It keeps nothing
 * secret and gives no right: it only must not turn a slip into a wrong answer.
 */
import { decodeBase64url, encodeBase64url } from '../bytes/base64.ts'
import { concatBytes, encodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { InputError } from '../errors.ts'
import type { BuiltPosition } from '../registry/built-artifacts.ts'
import { refuse } from './query-parameters.ts'
import type { QueryParameters } from './query-parameters.ts'

/** Rows of a page. */
export const PAGE_LIMIT = { usual: 100, min: 1, max: 1000 }

/** Where a request's cursor says that the page begins; nothing without one. */
export function readPosition(
  parameters: QueryParameters,
  fingerprint: string,
): { readonly position?: BuiltPosition } {
  const cursor = parameters.one('cursor')
  return cursor === undefined ? {} : { position: decodeCursor(cursor, fingerprint) }
}

/** Boundary and tree size; where a page ended within something, a third number. */
const NUMBERS_BYTES: readonly number[] = [16, 24]
const CHECK_BYTES = 8

/** @param fingerprint what decides which query this is. */
export function encodeCursor(position: BuiltPosition, fingerprint: string): string {
  const { boundary, treeSize, within } = position
  const values = [boundary, treeSize, ...(within === undefined ? [] : [within])]
  const numbers = new Uint8Array(8 * values.length)
  const view = new DataView(numbers.buffer)
  for (const [at, value] of values.entries()) view.setBigUint64(8 * at, BigInt(value))
  return encodeBase64url(concatBytes(numbers, checkOf(numbers, fingerprint)))
}

/** @throws InputError `ERR_REQUEST` unless {@link encodeCursor} made it for this query. */
export function decodeCursor(text: string, fingerprint: string): BuiltPosition {
  const bytes = bytesOf(text)
  const length = bytes.length - CHECK_BYTES
  const numbers = bytes.slice(0, Math.max(0, length))
  const isOurs =
    NUMBERS_BYTES.includes(length) && equalBytes(bytes.slice(length), checkOf(numbers, fingerprint))
  if (!isOurs) return refuse('the cursor is not one that this query was answered with')
  const view = new DataView(numbers.buffer)
  const [boundary, treeSize, within] = Array.from({ length: length / 8 }, (_, at) =>
    Number(view.getBigUint64(8 * at)),
  )
  const position = { boundary: boundary!, treeSize: treeSize! }
  return within === undefined ? position : { ...position, within }
}

function bytesOf(text: string): Uint8Array {
  try {
    return decodeBase64url(text)
  } catch (error) {
    if (error instanceof InputError) return new Uint8Array()
    throw error
  }
}

function checkOf(numbers: Uint8Array, fingerprint: string): Uint8Array {
  return sha256(concatBytes(numbers, encodeUtf8(fingerprint))).slice(0, CHECK_BYTES)
}
