/**
 * COSE_Sign1 as hardware vendors write it: often without the tag that statements must have (RFC 9052
 * §2 leaves it to the application). Reading and verifying are otherwise as strict as for statements;
 * a signature that does not hold gets the reason of its place in the evidence.
 */
import { concatBytes } from '../../bytes/bytes.ts'
import { verifySign1 } from '../../cose/sign1.ts'
import { parseSign1, type CoseSign1 } from '../../cose/parse-sign1.ts'
import type { VerifySign1Request } from '../../cose/sign1.ts'
import { InputError, VerificationError } from '../../errors.ts'
import { EvidenceError, type EvidenceReason } from './evidence.ts'

const ARRAY_OF_FOUR = 0x84
const TAG = Uint8Array.of(0xd2)

/**
 * Parses a COSE_Sign1 with or without its tag.
 * @throws InputError `ERR_CBOR_*`, `ERR_COSE_STRUCTURE` or `ERR_COSE_HEADER`.
 */
export function parseForeignSign1(bytes: Uint8Array): CoseSign1 {
  return parseSign1(bytes[0] === ARRAY_OF_FOUR ? concatBytes(TAG, bytes) : bytes)
}

/**
 * Verifies the signature of a parsed message.
 * @throws EvidenceError `reason`, whatever does not hold: the signature, the algorithm or `crit`.
 */
export async function verifyForeignSign1(
  request: Omit<VerifySign1Request, 'failure'>,
  reason: EvidenceReason,
): Promise<void> {
  try {
    await verifySign1({ ...request, failure: 'ERR_INNER_SIGNATURE' })
  } catch (cause) {
    if (!(cause instanceof VerificationError || cause instanceof InputError)) throw cause
    throw new EvidenceError(reason, cause.message, { cause })
  }
}
