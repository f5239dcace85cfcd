/**
 * Says whether a revocation list (crl.ts) may be believed at a given time, and whether it names a certificate.
 */
import { encodeHex } from '../bytes/hex.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { VerificationError } from '../errors.ts'
import type { Certificate } from './certificate.ts'
import { coversCertificate } from './crl-scope.ts'
import type { RevocationList } from './crl.ts'
import { checkIssuedSignature } from './issued-signature.ts'
import { equalNames } from './name.ts'
import type { SignatureVerifier } from './signature-verifier.ts'

/** Why a list may not be believed, or not asked about this certificate. */
export type RevocationListFault =
  'issuer' | 'signature' | 'expired' | 'not-yet-valid' | 'extension' | 'scope'

/** A list that may not be believed. */
export class RevocationListError extends VerificationError {
  readonly fault: RevocationListFault

  constructor(fault: RevocationListFault, message: string, options?: ErrorOptions) {
    super('ERR_X509_CRL', message, options)
    this.fault = fault
  }
}

/**
 * Says whether a list may be believed at the time `at`. Whether its issuer may be believed is
 * `validatePath`'s question and must have been asked.
 * @throws RevocationListError
 */
export async function checkRevocationList(request: {
  readonly list: RevocationList
  readonly issuer: Certificate
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}): Promise<void> {
  const { list, issuer, at, verifier } = request
  if (!equalNames(list.issuer, issuer.subject)) {
    throw new RevocationListError('issuer', 'the revocation list is of another issuer')
  }
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.has('crlSign')) {
    throw new RevocationListError('issuer', "the issuer's key may not sign revocation lists")
  }
  try {
    await checkIssuedSignature(list, issuer.spki, verifier)
  } catch (cause) {
    if (!(cause instanceof VerificationError)) throw cause
    const message = 'the signature of the revocation list does not verify'
    throw new RevocationListError('signature', message, { cause })
  }
  const [unknown] = list.unknownCritical
  if (unknown !== undefined) {
    throw new RevocationListError(
      'extension',
      `the revocation list has the critical extension ${unknown}`,
    )
  }
  if (at < list.thisUpdate) {
    throw new RevocationListError('not-yet-valid', 'the revocation list is not valid yet')
  }
  if (at > list.nextUpdate) {
    throw new RevocationListError('expired', 'the revocation list has expired')
  }
}

/**
 * True when a list that was checked names the certificate.
 * @throws RevocationListError `issuer` or `scope` when the list says nothing about this certificate.
 */
export function isRevoked(list: RevocationList, certificate: Certificate): boolean {
  if (!equalNames(list.issuer, certificate.issuer)) {
    throw new RevocationListError('issuer', 'the revocation list is of another issuer')
  }
  if (list.scope !== undefined && !coversCertificate(list.scope, certificate)) {
    throw new RevocationListError('scope', 'the revocation list does not cover the certificate')
  }
  return list.revoked.has(encodeHex(certificate.serial))
}
