/**
 * Revocation lists in the words of evidence, and the check for vendors whose evidence usually comes
 * without lists (AMD, AWS; statements.md §5.2, §5.3): every list that is given must hold and must not
 * name a certificate of the path; where none is given for an issuer, a finding says that nobody looked.
 * Intel's lists are demanded: dcap-collateral.ts.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { InputError } from '../../errors.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { parseRevocationList } from '../../x509/crl.ts'
import { checkRevocationList, isRevoked, RevocationListError } from '../../x509/check-crl.ts'
import type { RevocationList } from '../../x509/crl.ts'
import type { RevocationListFault } from '../../x509/check-crl.ts'
import { equalNames } from '../../x509/name.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { Finding } from '../description.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceReason } from './evidence.ts'

const LISTS_MAX = 8

const REASONS: Readonly<Record<RevocationListFault, EvidenceReason>> = {
  issuer: 'crl-issuer',
  signature: 'crl-signature',
  expired: 'crl-expired',
  'not-yet-valid': 'crl-not-yet-valid',
  extension: 'crl-extension',
  scope: 'crl-extension',
}

export interface RevocationRequest {
  /** Validated, leaf first, ending with the root. */
  readonly path: readonly Certificate[]
  readonly crls?: readonly Uint8Array[] | undefined
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** What was looked at, and while which times the same lists say the same. */
export interface RevocationOutcome {
  readonly findings: readonly Finding[]
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
}

/**
 * Holds a path against the lists given.
 * @throws EvidenceError `crl-…` for a list that does not hold, `certificate-revoked`.
 */
export async function checkRevocation(request: RevocationRequest): Promise<RevocationOutcome> {
  const { path, at, verifier } = request
  const given = request.crls ?? []
  if (given.length > LISTS_MAX) {
    throw new EvidenceError('crl-malformed', `more than ${LISTS_MAX} revocation lists`)
  }
  const lists = given.map(parseList)
  for (const list of lists) {
    const issuer = path.slice(1).find(({ subject }) => equalNames(subject, list.issuer))
    if (issuer === undefined) {
      throw new EvidenceError('crl-issuer', 'a revocation list of nobody in the path')
    }
    await asEvidence(() => checkRevocationList({ list, issuer, at, verifier }))
  }
  const unchecked = path.slice(0, -1).filter((certificate) => {
    const own = lists.filter(({ issuer }) => equalNames(issuer, certificate.issuer))
    for (const list of own) assertNotRevoked(list, certificate)
    return own.length === 0
  })
  const finding = {
    code: 'revocation-not-checked',
    message: `no revocation list for ${unchecked.length} of ${path.length - 1} certificates`,
  }
  return {
    findings: unchecked.length === 0 ? [] : [finding],
    validFrom: Math.max(0, ...lists.map(({ thisUpdate }) => thisUpdate)),
    validUntil: Math.min(Number.MAX_SAFE_INTEGER, ...lists.map(({ nextUpdate }) => nextUpdate)),
  }
}

/** @throws EvidenceError `crl-malformed` */
export function parseList(bytes: Uint8Array): RevocationList {
  try {
    return parseRevocationList(bytes)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('crl-malformed', cause.message, { cause })
  }
}

/** Runs `action` and says a list's fault in the words of evidence. */
export async function asEvidence(action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (cause) {
    throw evidenceOf(cause)
  }
}

function evidenceOf(cause: unknown): unknown {
  return cause instanceof RevocationListError
    ? new EvidenceError(REASONS[cause.fault], cause.message, { cause })
    : cause
}

/** @throws EvidenceError `certificate-revoked`, or `crl-…` when the list says nothing about it. */
export function assertNotRevoked(list: RevocationList, certificate: Certificate): void {
  let revoked: boolean
  try {
    revoked = isRevoked(list, certificate)
  } catch (cause) {
    // A list of other certificates of the same issuer says nothing, and must not stand for "good".
    throw evidenceOf(cause)
  }
  if (revoked) throw new EvidenceError('certificate-revoked', 'a certificate has been revoked')
}
