/**
 * The public entry of the verify package: everything a relying party needs to check a Transparent
 * Statement offline, in Node or a browser. {@link VerifiedStatement} is exported as a type only:
 * nobody else can make one.
 */
export { verifyTransparentStatement } from './verify-transparent-statement.ts'
export type { Missing, VerificationOutcome, VerifyOptions } from './verify-transparent-statement.ts'
export type { PayloadState, VerifiedStatement } from './verified-statement.ts'
export type { ReceiptResult, VerifiedReceipt } from './evaluate-receipt.ts'
export { verifyWitnessedInclusion } from './verify-witnessed-inclusion.ts'
export type { WitnessedInclusionOptions } from './verify-witnessed-inclusion.ts'
export type { ProvenInclusion } from '../note/tlog-proof.ts'
export { encodeTrustPolicy, parseTrustPolicy } from './trust-policy.ts'
export type { LeafRule, LogProfile, TrustPolicy, TrustedLog } from './trust-policy.ts'
export { InputError, PolicyError, VerificationError } from '../errors.ts'
export type { SignatureVerifier } from '../x509/signature-verifier.ts'
