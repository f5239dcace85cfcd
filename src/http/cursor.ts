/**
 * Cursors of paged answers: where the next page begins, and the tree size that all pages cover. One
 * belongs to one query; a changed cursor, and one of another query, is refused. It keeps nothing
 * secret and gives no right: it only must not turn a slip into a wrong answer.
 */
import { decodeBase64url, encodeBase64url } from '../bytes/base64.ts'
import { concatBytes, encodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { InputError } from '../errors.ts'
import type { PagePosition } from '../registry/query-statements.ts'
import { refuse } from './query-parameters.ts'
import type { QueryParameters } from './query-parameters.ts'

/** Rows of a page. */
export const PAGE_LIMIT = { usual: 100, min: 1, max: 1000 }

/** Where a request's cursor says that the page begins; nothing without one. */
export function readPosition(
  parameters: QueryParameters,
  fingerprint: string,
): { readonly position?: PagePosition } {
  const cursor = parameters.one('cursor')
  return cursor === undefined ? {} : { position: decodeCursor(cursor, fingerprint) }
}

const NUMBERS_BYTES = 16
const CHECK_BYTES = 8

/** @param fingerprint what decides which query this is. */
export function encodeCursor({ boundary, treeSize }: PagePosition, fingerprint: string): string {
  const numbers = new Uint8Array(NUMBERS_BYTES)
  const view = new DataView(numbers.buffer)
  view.setBigUint64(0, BigInt(boundary))
  view.setBigUint64(8, BigInt(treeSize))
  return encodeBase64url(concatBytes(numbers, checkOf(numbers, fingerprint)))
}

/** @throws InputError `ERR_REQUEST` unless {@link encodeCursor} made it for this query. */
export function decodeCursor(text: string, fingerprint: string): PagePosition {
  const bytes = bytesOf(text)
  const numbers = bytes.slice(0, NUMBERS_BYTES)
  const isOurs =
    bytes.length === NUMBERS_BYTES + CHECK_BYTES &&
    equalBytes(bytes.slice(NUMBERS_BYTES), checkOf(numbers, fingerprint))
  if (!isOurs) return refuse('the cursor is not one that this query was answered with')
  const view = new DataView(numbers.buffer)
  return { boundary: Number(view.getBigUint64(0)), treeSize: Number(view.getBigUint64(8)) }
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
