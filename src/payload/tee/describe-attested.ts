/**
 * What a statement says about the environment of the key that signed it (`attestedsvc`), beside what
 * its payload says: the same attributes as evidence that is registered on its own, so that it is found
 * by measurement too. Nothing is verified here: where `crit` names the header, whoever admitted the
 * statement had to verify it; where it does not, the description says that nobody did.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'
import type { SignedStatement } from '../../statement/signed-statement.ts'
import type { DescriptionBuilder } from '../description-builder.ts'
import { isAttestedStatement, isCriticallyAttested, readAttestedHeader } from './attested-header.ts'
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
    if (isCriticallyAttested(statement)) {
      out.attribute('binding', 'key').attribute('bound-key', encodeHex(keyThumbprint(key)))
    } else {
      out.finding('evidence-not-verified', 'the attested header was read and not verified')
    }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    out.finding('attested-header-unreadable', error.message)
  }
}
