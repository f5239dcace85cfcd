/**
 * Verification of AWS Nitro attestation documents (statements.md §5.3): the certificates inside lead to
 * a pinned AWS root, and the leaf's key signed the document. A leaf certificate lives three hours, so
 * the chain is judged at the document's timestamp; that it has expired since is a finding.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { publicKeyFromSpki } from '../../cose/public-key.ts'
import { InputError } from '../../errors.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { parseCertificateChain } from '../../x509/path.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { Finding } from '../description.ts'
import { fingerprint, validateVendorPath } from './certificate-chain.ts'
import { CLOCK_SKEW_SECONDS, EvidenceError } from './evidence.ts'
import type { EvidenceFacts } from './evidence.ts'
import { verifyForeignSign1 } from './foreign-sign1.ts'
import { nitroDocumentFacts, parseNitroDocument } from './nitro-document.ts'
import type { NitroDocument } from './nitro-document.ts'
import { checkRevocation } from './revocation.ts'

/** SHA-256 of the certificate of the AWS Nitro Enclaves root G1. */
export const AWS_ROOTS_SHA256: readonly string[] = [
  '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b',
]

export interface VerifyNitroRequest {
  readonly document: Uint8Array
  /** SHA-256 of the roots that count, lower-case hex; AWS' when absent. */
  readonly roots?: readonly string[]
  /** Without lists, revocation is not checked, and a finding says so. */
  readonly crls?: readonly Uint8Array[]
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** Facts of a verified document. `reportData` is its user data. */
export interface NitroFacts extends EvidenceFacts {
  readonly teeType: 'nitro'
  readonly evidenceTime: UnixSeconds
  readonly document: NitroDocument
}

/**
 * Verifies a document.
 * @throws EvidenceError with the reason.
 */
export async function verifyNitro(request: VerifyNitroRequest): Promise<NitroFacts> {
  const { roots = AWS_ROOTS_SHA256, at, verifier, crls } = request
  const document = parseNitroDocument(request.document)
  const evidenceTime = Math.floor(document.timestamp / 1000)
  if (evidenceTime > at + CLOCK_SKEW_SECONDS) {
    throw new EvidenceError('evidence-from-future', 'the document is from the future')
  }
  const chain = readChain(document)
  const path = await validateVendorPath({ chain, roots, at: evidenceTime, verifier })
  const revocation = await checkRevocation({ path: path.path, crls, at, verifier })
  const key = publicKeyFromSpki(chain[0]!.spki.spki)
  await verifyForeignSign1({ message: document.message, key, verifier }, 'document-signature')
  const isExpired = at > path.validUntil
  const validFrom = isExpired ? path.validUntil + 1 : evidenceTime - CLOCK_SKEW_SECONDS
  const validUntil = isExpired ? Number.MAX_SAFE_INTEGER : path.validUntil
  return {
    ...nitroDocumentFacts(document),
    evidenceTime,
    platformCertificateSha256: fingerprint(chain[0]!),
    validFrom: Math.max(validFrom, revocation.validFrom),
    validUntil: Math.min(validUntil, revocation.validUntil),
    findings: [...revocation.findings, ...findingsOf(document, isExpired)],
    document,
  }
}

function readChain({ chain }: NitroDocument): Certificate[] {
  try {
    return parseCertificateChain(chain)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('chain-malformed', cause.message, { cause })
  }
}

function findingsOf({ isNitroTpm }: NitroDocument, isExpired: boolean): Finding[] {
  const findings: Finding[] = []
  if (isExpired) {
    findings.push({
      code: 'evidence-certificate-expired',
      message: 'valid at the time of the evidence; the certificate has expired since',
    })
  }
  if (isNitroTpm) {
    findings.push({ code: 'nitro-tpm', message: 'the registers are those of a NitroTPM' })
  }
  return findings
}
