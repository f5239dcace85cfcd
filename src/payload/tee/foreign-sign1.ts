/**
 * COSE_Sign1 as hardware vendors write it: often without the tag that statements must have (RFC 9052
 * §2 leaves it to the application). Reading is otherwise as strict as for statements.
 */
import { concatBytes } from '../../bytes/bytes.ts'
import { parseSign1, type CoseSign1 } from '../../cose/sign1.ts'

const ARRAY_OF_FOUR = 0x84
const TAG = Uint8Array.of(0xd2)

/**
 * Parses a COSE_Sign1 with or without its tag.
 * @throws InputError `ERR_CBOR_*`, `ERR_COSE_STRUCTURE` or `ERR_COSE_HEADER`.
 */
export function parseForeignSign1(bytes: Uint8Array): CoseSign1 {
  return parseSign1(bytes[0] === ARRAY_OF_FOUR ? concatBytes(TAG, bytes) : bytes)
}
