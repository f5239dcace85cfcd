/**
 * Transparent Statements (RFC 9943 §7): a Signed Statement with Receipts in label 394 of its
 * unprotected header. Bytes are spliced: what was signed, the other unprotected parameters and the
 * receipts already there are carried over as they are, receipts in their order.
 */
import { compareBytes, concatBytes, equalBytes } from '../bytes/bytes.ts'
import { encodeByteString, encodeCbor, encodeHead } from '../cbor/encode.ts'
import { readHead } from '../cbor/head.ts'
import { scanItem } from '../cbor/scan.ts'
import { HEADER } from '../cose/labels.ts'
import { encodeSign1 } from '../cose/sign1.ts'
import { InputError } from '../errors.ts'
import { parseSignedStatement } from './signed-statement.ts'

interface RawPair {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

const RECEIPTS_KEY = encodeCbor(HEADER.receipts)

/**
 * Adds receipts behind those that the statement already carries; one that it has is not added twice.
 * @param statement Signed or Transparent Statement bytes.
 * @throws InputError as parseSignedStatement, `ERR_RECEIPT_MALFORMED` when there is no receipt, or
 *   `ERR_COSE_HEADER` when label 394 is protected.
 */
export function attachReceipts(statement: Uint8Array, receipts: readonly Uint8Array[]): Uint8Array {
  const { message, receipts: existing } = parseSignedStatement(statement)
  if (message.protectedHeader.has(HEADER.receipts)) {
    throw new InputError('ERR_COSE_HEADER', 'receipts (394) are in the protected header')
  }
  const all: Uint8Array[] = [...existing]
  for (const receipt of receipts) {
    if (!all.some((known) => equalBytes(known, receipt))) all.push(receipt)
  }
  if (all.length === 0) {
    throw new InputError(
      'ERR_RECEIPT_MALFORMED',
      'a Transparent Statement has at least one Receipt',
    )
  }
  const list = concatBytes(encodeHead(4, all.length), ...all.map(encodeByteString))
  const others = unprotectedPairs(statement).filter(({ key }) => !isReceiptsKey(key))
  const pairs = [...others, { key: RECEIPTS_KEY, value: list }]
  pairs.sort((a, b) => compareBytes(a.key, b.key))
  const unprotectedBytes = concatBytes(
    encodeHead(5, pairs.length),
    ...pairs.flatMap(({ key, value }) => [key, value]),
  )
  const { protectedBytes, payload, signature } = message
  return encodeSign1({ protectedBytes, unprotectedBytes, payload, signature })
}

/** Label 394 in any spelling of its head. */
function isReceiptsKey(key: Uint8Array): boolean {
  const head = readHead(key, 0)
  return head.major === 0 && head.value === HEADER.receipts
}

/** Raw key and value bytes of the unprotected map of a statement that has been parsed before. */
function unprotectedPairs(statement: Uint8Array): RawPair[] {
  const array = readHead(statement, readHead(statement, 0).next)
  const map = readHead(statement, scanItem(statement, array.next))
  const pairs: RawPair[] = []
  let offset = map.next
  for (let i = 0; i < map.value; i++) {
    const valueOffset = scanItem(statement, offset)
    const end = scanItem(statement, valueOffset)
    pairs.push({
      key: statement.subarray(offset, valueOffset),
      value: statement.subarray(valueOffset, end),
    })
    offset = end
  }
  return pairs
}
