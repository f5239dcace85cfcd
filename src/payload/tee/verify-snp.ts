/**
 * Verification of SEV-SNP reports (statements.md §5.2): the certificate of the signing key leads to a
 * pinned AMD root at the given time (VCEK ← ASK ← ARK, or VLEK ← ASVK ← ARK), the report's signature is
 * by that key, and what AMD certified about the key (product, TCB, chip) is what the report says. AMD
 * publishes no signed judgement about a TCB, so none is given: a minimum is policy.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { Finding } from '../description.ts'
import {
  fingerprint,
  orderChain,
  readCertificateFiles,
  validateVendorPath,
} from './certificate-chain.ts'
import type { CollateralBundle } from './collateral-bundle.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceFacts } from './evidence.ts'
import { checkRevocation } from './revocation.ts'
import { parseSnpCertificateTable } from './snp-certificate-table.ts'
import { encodeSnpTcb, isSnpSigner, readSnpCertificate } from './snp-certificate.ts'
import type { SnpCertificate } from './snp-certificate.ts'
import { snpReportFacts } from './snp-facts.ts'
import { parseSnpReport, readSnpTcb } from './snp-report.ts'
import type { SnpReport } from './snp-report.ts'

const FAMILY_OF_STRUCT = [0x19, 0x1a] as const

/** SHA-256 of the certificates of AMD's roots: ARK-Milan, ARK-Genoa, ARK-Turin. */
export const AMD_ROOTS_SHA256: readonly string[] = [
  '69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd',
  '4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1',
  '1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a',
]

/** Where certificates come from that are not there, by the kind of the signing key. */
const SOURCES = {
  vcek: {
    leaf: "AMD's Key Distribution Service has it for this chip and TCB, or the host brings it along",
    issuers: "AMD's Key Distribution Service has ASK and ARK in vcek/…/cert_chain",
  },
  vlek: {
    leaf: 'the cloud provider has it, and the host brings it along',
    issuers: "AMD's Key Distribution Service has ASVK and ARK in vlek/…/cert_chain",
  },
} as const

export interface VerifySnpRequest {
  readonly report: Uint8Array
  /** VCEK or VLEK, ASK or ASVK, and the ARK, in any order. */
  readonly certificates: readonly Certificate[]
  /** Lists signed by the ARK. Without one, revocation is not checked, and a finding says so. */
  readonly crls?: readonly Uint8Array[]
  /** SHA-256 of the roots that count, lower-case hex; AMD's when absent. */
  readonly roots?: readonly string[]
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** Facts of a verified report. */
export interface SnpFacts extends EvidenceFacts {
  readonly teeType: 'sev-snp'
  readonly report: SnpReport
  readonly certificate: SnpCertificate
}

/**
 * Verifies a report.
 * @throws EvidenceError with the reason.
 */
export async function verifySnp(request: VerifySnpRequest): Promise<SnpFacts> {
  const report = parseSnpReport(request.report)
  if (report.signingKey === 'none' || report.chipKeyMasked) {
    throw new EvidenceError('report-unsigned', 'the firmware was told not to sign the report')
  }
  const { leaf, certificate } = findSigner(report, report.signingKey, request.certificates)
  const path = await validateVendorPath({
    chain: orderChain(leaf, request.certificates),
    roots: request.roots ?? AMD_ROOTS_SHA256,
    at: request.at,
    verifier: request.verifier,
    source: SOURCES[certificate.kind].issuers,
  })
  const revocation = await checkRevocation({ ...request, path: path.path })
  const holds = await request.verifier.verify({
    scheme: { kind: 'ecdsa', curve: 'P-384', hash: 'SHA-384' },
    spki: leaf.spki.spki,
    data: report.signedBytes,
    signature: report.signature,
  })
  if (!holds) throw new EvidenceError('report-signature', 'the report signature does not verify')
  const findings = [...revocation.findings, ...matchCertificate(report, certificate)]
  return {
    ...snpReportFacts(report, certificate.structVersion),
    platformCertificateSha256: fingerprint(leaf),
    validFrom: Math.max(path.validFrom, revocation.validFrom),
    validUntil: Math.min(path.validUntil, revocation.validUntil),
    findings,
    report,
    certificate,
  }
}

interface Signer {
  readonly leaf: Certificate
  readonly certificate: SnpCertificate
}

/** The certificate of the key that the report names; of several, one that was issued for its TCB. */
function findSigner(
  report: SnpReport,
  kind: SnpCertificate['kind'],
  certificates: readonly Certificate[],
): Signer {
  const signers = certificates
    .filter(isSnpSigner)
    .map((leaf) => ({ leaf, certificate: readSnpCertificate(leaf) }))
  if (signers.length === 0) {
    const message = `there is no ${kind.toUpperCase()} certificate: ${SOURCES[kind].leaf}`
    throw new EvidenceError('chain-missing', message)
  }
  const named = signers.filter(({ certificate }) => certificate.kind === kind)
  const exact = named.find(({ certificate }) => isIssuedFor(report, certificate))
  const signer = exact ?? named[0]
  if (signer === undefined) {
    throw new EvidenceError('signing-key', `the report is signed by a ${kind} key`)
  }
  return signer
}

function isIssuedFor(report: SnpReport, { tcb, structVersion }: SnpCertificate): boolean {
  return encodeSnpTcb(readSnpTcb(report.reportedTcb, structVersion)) === encodeSnpTcb(tcb)
}

/** What AMD certified about the key against what the report says. */
function matchCertificate(report: SnpReport, certificate: SnpCertificate): Finding[] {
  const { structVersion, product, hardwareId } = certificate
  const { cpuid, chipId } = report
  if (cpuid !== undefined) {
    const isMilan = cpuid.family === 0x19 && cpuid.model < 0x10
    if (cpuid.family !== FAMILY_OF_STRUCT[structVersion] || isMilan !== (product === 'Milan')) {
      throw new EvidenceError(
        'product-mismatch',
        `a certificate for ${product}, and a report of family ${cpuid.family}`,
      )
    }
  }
  if (!isIssuedFor(report, certificate)) {
    throw new EvidenceError('tcb-mismatch', 'the key was certified for another TCB')
  }
  if (hardwareId === undefined) return []
  if (chipId.every((byte) => byte === 0)) {
    // MASK_CHIP_ID: the key is this chip's all the same, since AMD certified it for one.
    return [{ code: 'chip-id-masked', message: 'the report does not name its chip' }]
  }
  const rest = chipId.subarray(hardwareId.length)
  const isChip = equalBytes(chipId.subarray(0, hardwareId.length), hardwareId)
  if (!isChip || rest.some((byte) => byte !== 0)) {
    throw new EvidenceError('chip-id-mismatch', 'the key was certified for another chip')
  }
  return []
}

/**
 * Verifies what configfs-tsm gives: the report, and the host's certificate table beside it, with
 * certificates and lists of the collateral for what the host left out.
 * @throws EvidenceError with the reason.
 */
export async function verifySnpUnit(
  request: Omit<VerifySnpRequest, 'certificates' | 'crls'> & {
    readonly certificateTable?: Uint8Array
    readonly collateral: CollateralBundle
  },
): Promise<SnpFacts> {
  const { certificateTable, collateral } = request
  const own =
    certificateTable === undefined ? undefined : parseSnpCertificateTable(certificateTable)
  const certificates = [
    ...(own?.certificates ?? []),
    ...readCertificateFiles(collateral.certificates ?? []),
  ]
  // The host's own list is taken for what it is worth only where the collateral brings none.
  const crls = collateral.crls ?? own?.crls ?? []
  return verifySnp({ ...request, certificates, crls })
}
