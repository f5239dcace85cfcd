/**
 * One door to the verifiers of all formats: evidence with its collateral and what is pinned goes in,
 * facts come out, together with the fields that bindings are computed over and the registers that an
 * event log has to lead to. What the registry makes of the facts: appraise-evidence.ts.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { decodeHex } from '../../bytes/hex.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { readCertificateFiles } from './certificate-chain.ts'
import { matchCcel, matchEventLog } from './replay-event-log.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceFacts } from './evidence.ts'
import { parseQuote } from './quote.ts'
import { parseTsmReport } from './tsm-report.ts'
import type { VerifyEvidenceRequest, VerifiedEvidence } from './verified-evidence.ts'
import { verifyAzureVtpm } from './verify-azure-vtpm.ts'
import { verifyCca } from './verify-cca.ts'
import { verifyDcap } from './verify-dcap.ts'
import { verifyNitro } from './verify-nitro.ts'
import { verifySnpUnit } from './verify-snp.ts'
import { verifyTpmQuote } from './verify-tpm.ts'
import type { PcrBanks } from './verify-tpm.ts'
import type { AttestationKeyTrust } from './attestation-key-trust.ts'
import { parseVtpmEvidence } from './vtpm-evidence.ts'
import type { VtpmEvidence } from './vtpm-evidence.ts'

/**
 * Verifies evidence of any format.
 * @throws EvidenceError with the reason.
 */
export async function verifyEvidence(request: VerifyEvidenceRequest): Promise<VerifiedEvidence> {
  const { format, evidence } = request
  switch (format) {
    case 'sgx-quote':
    case 'tdx-quote':
      if (parseQuote(evidence).tee !== format.slice(0, 3)) {
        throw new EvidenceError('malformed', `the quote is not a ${format}`)
      }
      return verifyQuote(evidence, request)
    case 'snp-report':
      return verifyReport(evidence, request)
    case 'tsm-report':
      return verifyTsm(request)
    case 'nitro-document':
      return verifyDocument(request)
    case 'tpm-evidence':
      return verifyTpm(request)
    case 'azure-vtpm':
      return verifyAzure(request)
    case 'cca-token':
      return verifyToken(evidence, request)
  }
}

async function verifyQuote(
  quote: Uint8Array,
  { collateral, pins: { intel: roots }, at, verifier }: VerifyEvidenceRequest,
): Promise<VerifiedEvidence> {
  const pinned = roots === undefined ? {} : { roots }
  const facts = await verifyDcap({ quote, collateral, at, verifier, ...pinned })
  const verified = { facts, fields: { reportData: facts.reportData } }
  if (facts.teeType !== 'tdx') return verified
  const rtmrs = [0, 1, 2, 3].map((at) =>
    decodeHex(facts.measurements.find(({ name }) => name === `rtmr${at}`)?.value ?? ''),
  )
  return { ...verified, matchLog: (log) => matchCcel(log, rtmrs) }
}

async function verifyReport(
  report: Uint8Array,
  { collateral, pins: { amd: roots }, at, verifier }: VerifyEvidenceRequest,
  certificateTable?: Uint8Array,
): Promise<VerifiedEvidence> {
  const facts = await verifySnpUnit({
    ...{ report, collateral, at, verifier },
    ...(roots === undefined ? {} : { roots }),
    ...(certificateTable === undefined ? {} : { certificateTable }),
  })
  return { facts, fields: { reportData: facts.reportData } }
}

/** The kernel's name of the driver says what is inside. */
async function verifyTsm(request: VerifyEvidenceRequest): Promise<VerifiedEvidence> {
  const { provider, outblob, auxblob } = parseTsmReport(request.evidence)
  switch (provider) {
    case 'sev_guest':
      return verifyReport(outblob, request, auxblob)
    case 'tdx_guest':
      return verifyQuote(outblob, request)
    case 'arm_cca_guest':
      return verifyToken(outblob, request)
    default:
      throw new EvidenceError('unsupported', 'a report of another TSM provider')
  }
}

async function verifyDocument({
  evidence: document,
  collateral: { crls },
  pins: { aws: roots },
  at,
  verifier,
}: VerifyEvidenceRequest): Promise<VerifiedEvidence> {
  const facts = await verifyNitro({
    ...{ document, at, verifier },
    ...(roots === undefined ? {} : { roots }),
    ...(crls === undefined ? {} : { crls }),
  })
  const { nonce } = facts.document
  const { reportData } = facts
  return { facts, fields: { reportData, ...(nonce === undefined ? {} : { nonce }) } }
}

async function verifyToken(
  token: Uint8Array,
  { pins: { ccaKeys: platformKeys = [] }, verifier }: VerifyEvidenceRequest,
): Promise<VerifiedEvidence> {
  const facts = await verifyCca({ token, platformKeys, verifier })
  return { facts, fields: { reportData: facts.reportData } }
}

async function verifyTpm(request: VerifyEvidenceRequest): Promise<VerifiedEvidence> {
  const { at, verifier } = request
  const parsed = parseVtpmEvidence(request.evidence)
  if (parsed.hclReport !== undefined) {
    throw new EvidenceError('malformed', 'evidence with an HCL report is of the format azure-vtpm')
  }
  const { quote, signature, pcrs } = parsed
  const trust = keyTrust(parsed, request)
  const facts = await verifyTpmQuote({ quote, signature, pcrs, trust, at, verifier })
  return tpmEvidence(facts)
}

/** Its certificate vouches for the key, where there is one that leads to a root; else it is registered. */
function keyTrust(
  { claimedKey: claimed }: VtpmEvidence,
  { collateral, pins: { tpm: roots = [], tpmKeys: keys = [] } }: VerifyEvidenceRequest,
): AttestationKeyTrust {
  const certificates = readCertificateFiles(collateral.certificates ?? [])
  const leaf = findLeaf(certificates, claimed)
  if (leaf === undefined || roots.length === 0) {
    return { kind: 'registered', keys, ...(claimed === undefined ? {} : { claimed }) }
  }
  const { crls } = collateral
  return { kind: 'certificate', leaf, certificates, roots, ...(crls === undefined ? {} : { crls }) }
}

function findLeaf(
  certificates: readonly Certificate[],
  claimed: PublicKey | undefined,
): Certificate | undefined {
  if (claimed === undefined) return certificates[0]
  return certificates.find(({ spki }) => equalBytes(spki.spki, claimed.spki))
}

async function verifyAzure(request: VerifyEvidenceRequest): Promise<VerifiedEvidence> {
  const { evidence, collateral, pins, at, verifier } = request
  const { hclReport, quote, signature, pcrs, tdQuote, ...parsed } = parseVtpmEvidence(evidence)
  if (hclReport === undefined) {
    throw new EvidenceError('malformed', 'evidence of the format azure-vtpm has an HCL report')
  }
  const td = tdQuote === undefined ? undefined : await verifyQuote(tdQuote, request)
  const facts = await verifyAzureVtpm({
    ...{ hclReport, quote, signature, pcrs, at, verifier },
    certificates: [...parsed.certificates, ...readCertificateFiles(collateral.certificates ?? [])],
    ...(collateral.crls === undefined ? {} : { crls: collateral.crls }),
    ...(pins.amd === undefined ? {} : { roots: pins.amd }),
    ...(td === undefined ? {} : { tdQuoteFacts: td.facts }),
  })
  return { ...tpmEvidence(facts), platform: facts.platform }
}

function tpmEvidence(facts: EvidenceFacts & { readonly pcrs: PcrBanks }): VerifiedEvidence {
  const hash = (['SHA-512', 'SHA-384', 'SHA-256'] as const).find(
    (name) => facts.pcrs[name] !== undefined,
  )
  const { reportData } = facts
  if (hash === undefined) return { facts, fields: { reportData } }
  const registers = facts.pcrs[hash]!
  return { facts, fields: { reportData }, matchLog: (log) => matchEventLog(log, hash, registers) }
}
