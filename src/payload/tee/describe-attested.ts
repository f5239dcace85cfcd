/**
 * What a statement says about the environment of the key that signed it (`attestedsvc`), beside what
 * its payload says: the same attributes as evidence that is registered on its own, so that it is found
 * by measurement too. Nothing is verified here; admission did that, or the index says that it did not.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'
import type { SignedStatement } from '../../statement/signed-statement.ts'
import type { DescriptionBuilder } from '../description-builder.ts'
import { isAttestedStatement, readAttestedHeader } from './attested-header.ts'
import { describeSnp } from './describe-vendors.ts'
import { EvidenceError } from './evidence.ts'

/** Adds what the attested header says; a statement of another kind adds nothing. Never throws. */
export function describeAttestedStatement(
  statement: SignedStatement,
  out: DescriptionBuilder,
): void {
  if (!isAttestedStatement(statement)) return
  try {
    const { attestation, key } = readAttestedHeader(statement.message.protectedHeader)
    describeSnp(attestation, out)
    out.attribute('binding', 'key').attribute('bound-key', encodeHex(keyThumbprint(key)))
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    out.finding('attested-header-unreadable', error.message)
  }
}
