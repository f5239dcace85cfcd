/**
 * A statement under a quorum of witnesses, offline: a `.tlog-proof` (C2SP tlog-proof) says that the
 * statement is in a tree that the log signed and that enough witnesses of a tlog-policy cosigned, so
 * that nobody was shown another history. It is asked beside the Receipts, never instead of them.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { webCryptoVerifier } from '../cose/web-crypto.ts'
import { portableHasher } from '../merkle/hasher.ts'
import { parseTlogPolicy } from '../note/tlog-policy.ts'
import { parseTlogProof, verifyTlogProof } from '../note/tlog-proof.ts'
import type { ProvenInclusion } from '../note/tlog-proof.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'

/** A statement, its proof, and the policy that the proof has to satisfy. */
export interface WitnessedInclusionOptions {
  /** The statement as it is at hand; attached Receipts are no part of the leaf. */
  readonly transparentStatement: Uint8Array
  /** A `.tlog-proof` file. */
  readonly proof: Uint8Array
  /** A tlog-policy file: logs, witnesses, quorum. */
  readonly policy: Uint8Array
  /** Cosignatures of a later time do not count. */
  readonly notAfter?: UnixSeconds
  /** Defaults to WebCrypto. */
  readonly verifier?: SignatureVerifier
}

/**
 * What the proof shows, after everything in it was checked.
 * @throws InputError `ERR_TRUST_CONFIGURATION` for a policy that does not parse, other codes for a
 *   statement or a proof that does not.
 * @throws VerificationError `ERR_CHECKPOINT_ORIGIN`, `ERR_NOTE_SIGNATURE`, `ERR_QUORUM`,
 *   `ERR_ROOT_MISMATCH` or `ERR_RECEIPT_PROOF` for a proof that does not hold.
 */
export async function verifyWitnessedInclusion({
  transparentStatement,
  proof,
  policy,
  notAfter,
  verifier = webCryptoVerifier,
}: WitnessedInclusionOptions): Promise<ProvenInclusion> {
  const { entry } = parseSignedStatement(transparentStatement)
  return verifyTlogProof({
    proof: parseTlogProof(proof),
    policy: parseTlogPolicy(policy),
    leafHash: portableHasher.leaf(entry),
    verifier,
    ...(notAfter === undefined ? {} : { notAfter }),
  })
}
