/**
 * Issuers that are services in attested environments (ADR 0026): the statement's protected header holds
 * hardware evidence about the key that signs it, and an anchor of the kind `attested-service` says whose
 * hardware, images and environments count. The header is critical: no other kind of anchor understands
 * it, so a statement that was registered was verified in this way.
 */
import { encodeHex } from '../bytes/hex.ts'
import { speaksFor } from '../statement/authenticate-issuer.ts'
import type { AuthenticatedIssuer, AuthenticateRequest } from '../statement/authenticate-issuer.ts'
import type { AttestedService } from '../statement/attested-service.ts'
import type { SignedStatement, StatementProfile } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { ATTESTED_HEADERS, isCriticallyAttested } from './tee/attested-header.ts'
import { verifyAttestedStatement } from './tee/attested-statement.ts'
import type { AttestedStatement } from './tee/attested-statement.ts'
import { EvidenceError } from './tee/evidence.ts'

export type ServiceAnchor = Extract<TrustAnchor, { kind: 'attested-service' }>

const NONE: readonly ServiceAnchor[] = []

/** Anchors by which a statement of this profile may be authenticated; none for any other statement. */
export function attestedAnchors(
  statement: SignedStatement,
  anchors: readonly TrustAnchor[],
): readonly ServiceAnchor[] {
  const { issuer } = statement.headers
  if (issuer === undefined || !isCriticallyAttested(statement)) return NONE
  return anchors.filter(
    (anchor): anchor is ServiceAnchor =>
      anchor.kind === 'attested-service' && speaksFor(anchor, issuer),
  )
}

/**
 * In what a statement of this profile may depart from RFC 9943, where an anchor is there that judges it:
 * `crit` names the attested header, and there need be no subject.
 */
export function profileOf(
  statement: SignedStatement,
  anchors: readonly TrustAnchor[],
): StatementProfile {
  return attestedAnchors(statement, anchors).length === 0 ? STANDARD : PROFILE
}

/**
 * What `crit` may name for a reader who may or may not look at the issuer: the attested header is about
 * the issuer's key and nothing else, so without an anchor nothing is known of the issuer, and that is all.
 */
export function headersUnderstood(statement: SignedStatement): StatementProfile['understood'] {
  return isCriticallyAttested(statement) ? PROFILE.understood : undefined
}

const STANDARD: StatementProfile = {}
const PROFILE: StatementProfile = { understood: new Set(ATTESTED_HEADERS), subject: 'optional' }

/**
 * Authenticates a statement by its attested key, under the first anchor by which everything holds.
 * @throws EvidenceError for the last anchor that was tried.
 */
export async function authenticateAttested(
  { statement, at, verifier }: Omit<AuthenticateRequest, 'anchors'>,
  anchors: readonly ServiceAnchor[],
): Promise<AuthenticatedIssuer> {
  let failure: unknown = new EvidenceError('statement-issuer', 'no anchor is for this service')
  for (const anchor of anchors) {
    const { amdRoots: amd, endorsers } = anchor.service
    const roots = { endorsers, ...(amd === undefined ? {} : { amd }) }
    try {
      const attested = await verifyAttestedStatement({ statement, at, verifier, roots })
      assertAllowed(attested, anchor.service)
      const { issuer, key, validFrom, validUntil } = attested
      return { issuer, anchor, key, validFrom, validUntil }
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error
      failure = error
    }
  }
  throw failure
}

function assertAllowed({ evidence }: AttestedStatement, service: AttestedService): void {
  const { measurements, hostData } = service
  const { report, debug } = evidence
  if (debug) throw new EvidenceError('debug', 'the environment can be looked into from outside')
  const [measurement, host] = [encodeHex(report.measurement), encodeHex(report.hostData)]
  if (measurements?.includes(measurement) === false) {
    throw new EvidenceError('environment', `the measurement ${measurement} may not sign`)
  }
  if (hostData !== 'any' && !hostData.includes(host)) {
    throw new EvidenceError('environment', `the host data ${host} may not sign`)
  }
}
