/**
 * Statements signed by an attested key: Microsoft's deployed `attestedsvc` profile, accepted unchanged
 * (statements.md §5.9). The protected header carries a hardware report about the very key that signs,
 * so the report takes the place of a trust anchor's key: what must be pinned are AMD's roots and
 * the endorsers of the virtual machine's image. Which measurements, hosts and services may sign
 * is a question for policy; the facts for it are returned. The header itself: attested-header.ts.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { CborMap } from '../../cbor/decode.ts'
import { HEADER } from '../../cose/labels.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'
import type { SignedStatement } from '../../statement/signed-statement.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { Finding } from '../description.ts'
import { ISSUER_PREFIX, readAttestedHeader } from './attested-header.ts'
import type { AttestedHeader } from './attested-header.ts'
import { readCertificates } from './certificate-chain.ts'
import { EvidenceError } from './evidence.ts'
import { verifyForeignSign1 } from './foreign-sign1.ts'
import { verifyUvmEndorsement } from './uvm-endorsement.ts'
import type { UvmEndorsement, UvmEndorser } from './uvm-endorsement.ts'
import { parseSnpReport } from './snp-report.ts'
import { verifySnp } from './verify-snp.ts'
import type { SnpFacts } from './verify-snp.ts'

/** What must be pinned for statements of this kind. */
export interface AttestedRoots {
  /** SHA-256 of the ARKs that count, lower-case hex; AMD's when absent. */
  readonly amd?: readonly string[]
  /** Whose endorsements of virtual machine images count. */
  readonly endorsers: readonly UvmEndorser[]
}

export interface VerifyAttestedRequest {
  readonly statement: SignedStatement
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
  readonly roots: AttestedRoots
}

/** Who signed, in which environment. */
export interface AttestedStatement {
  /** `did:attestedsvc:<service>::…` */
  readonly issuer: string
  readonly serviceId: string
  readonly key: PublicKey
  /** The signed claim `svn`, where there is one. */
  readonly svn?: number
  readonly evidence: SnpFacts
  readonly endorsement: UvmEndorsement
  /** The same answer holds at every time in [validFrom, validUntil]. */
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
  readonly findings: readonly Finding[]
}

/** The service that the issuer names; the attested header must not name another. */
function readService(issuer: string | undefined, header: AttestedHeader): string {
  const [service = '', ...rest] = (issuer ?? '').slice(ISSUER_PREFIX.length).split('::')
  if (issuer?.startsWith(ISSUER_PREFIX) !== true || service === '' || rest.length === 0) {
    throw new EvidenceError('statement-issuer', 'the issuer is not a did:attestedsvc')
  }
  if (header.serviceId !== undefined && header.serviceId !== service) {
    throw new EvidenceError('statement-issuer', 'the attested header names another service')
  }
  return service
}

/** kid, and the report's data, are the digest of the key: 32 bytes, and 32 zeros behind. */
function bindKey(statement: SignedStatement, key: PublicKey, reportData: Uint8Array): void {
  const thumbprint = keyThumbprint(key)
  const { keyId } = statement.headers
  if (keyId === undefined || !equalBytes(keyId, thumbprint)) {
    throw new EvidenceError('key-id', 'kid is not the digest of the attested key')
  }
  const isKey = equalBytes(reportData.subarray(0, 32), thumbprint)
  if (!isKey || reportData.subarray(32).some((byte) => byte !== 0)) {
    throw new EvidenceError('statement-key', 'the hardware report is about another key')
  }
}

/**
 * Verifies every layer: the signature by the attested key, the report about that key, and the
 * endorsement of the report's measurement.
 * @throws EvidenceError with the reason.
 */
export async function verifyAttestedStatement(
  request: VerifyAttestedRequest,
): Promise<AttestedStatement> {
  const { statement, at, verifier, roots } = request
  const header = readAttestedHeader(statement.message.protectedHeader)
  const serviceId = readService(statement.headers.issuer, header)
  await verifyForeignSign1(
    {
      message: statement.message,
      key: header.key,
      verifier,
      understood: new Set([header.name]),
    },
    'statement-signature',
  )
  // Before anything costly: evidence about another key is of no use, whoever made it.
  bindKey(statement, header.key, parseSnpReport(header.attestation).reportData)
  const evidence = await verifySnp({
    report: header.attestation,
    certificates: readCertificates(header.snpEndorsements),
    ...(roots.amd === undefined ? {} : { roots: roots.amd }),
    at,
    verifier,
  })
  const endorsement = await verifyUvmEndorsement({
    endorsement: header.uvmEndorsements,
    endorsers: roots.endorsers,
    at,
    verifier,
  })
  if (!equalBytes(endorsement.measurement, evidence.report.measurement)) {
    throw new EvidenceError('endorsement-measurement', 'another measurement is endorsed')
  }
  const svn = readSvn(statement.message.protectedHeader)
  return {
    issuer: statement.headers.issuer!,
    serviceId,
    key: header.key,
    ...(svn === undefined ? {} : { svn }),
    evidence,
    endorsement,
    ...windowOf(evidence, endorsement, at),
    findings: [...evidence.findings, ...findingsOf(statement, endorsement, at)],
  }
}

function readSvn(header: CborMap): number | undefined {
  const claims = header.get(HEADER.cwtClaims)
  const svn = claims instanceof Map ? (claims as CborMap).get('svn') : undefined
  if (svn === undefined || (typeof svn === 'number' && Number.isSafeInteger(svn))) return svn
  throw new EvidenceError('malformed', 'the claim svn is not an integer')
}

/** An endorsement without a signing time is judged at `at`; another one holds from then on. */
function windowOf(
  evidence: SnpFacts,
  { signedAt, validUntil }: UvmEndorsement,
  at: UnixSeconds,
): { readonly validFrom: UnixSeconds; readonly validUntil: UnixSeconds } {
  if (signedAt === undefined) {
    return { validFrom: at, validUntil: Math.min(evidence.validUntil, validUntil) }
  }
  const isExpired = at > validUntil
  return {
    validFrom: Math.max(evidence.validFrom, isExpired ? validUntil + 1 : signedAt),
    validUntil: isExpired ? evidence.validUntil : Math.min(evidence.validUntil, validUntil),
  }
}

function findingsOf(
  { headers }: SignedStatement,
  { validUntil }: UvmEndorsement,
  at: UnixSeconds,
): Finding[] {
  const findings: Finding[] = []
  if (at > validUntil) {
    findings.push({
      code: 'endorser-certificate-expired',
      message: 'the endorsement was valid when it was signed; the signing certificate has expired',
    })
  }
  if (headers.x5chain !== undefined) {
    findings.push({
      code: 'x5chain-not-used',
      message: 'the statement carries certificates; the attested key counts alone',
    })
  }
  return findings
}
