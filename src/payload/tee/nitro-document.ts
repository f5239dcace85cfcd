/**
 * AWS Nitro attestation documents (statements.md §5.3): a COSE_Sign1 with ES384, tagged or not, whose
 * payload carries its own certificates and its own time. A leaf certificate lives three hours, so the
 * chain is judged at the document's timestamp; that it has expired since is a finding. Firmware since
 * 2025 writes the payload with indefinite lengths, and instances with NitroTPM give TPM registers.
 */
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { decodeCbor, type CborMap, type CborValue } from '../../cbor/decode.ts'
import { definiteCbor } from '../../cbor/definite.ts'
import { HEADER } from '../../cose/labels.ts'
import { publicKeyFromSpki } from '../../cose/public-key.ts'
import { verifySign1, type CoseSign1 } from '../../cose/sign1.ts'
import { InputError, VerificationError } from '../../errors.ts'
import { parseCertificateChain } from '../../x509/path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { Finding } from '../description.ts'
import { validateVendorPath } from './certificate-chain.ts'
import { CLOCK_SKEW_SECONDS, EvidenceError } from './evidence.ts'
import type { EvidenceFacts, Measurement } from './evidence.ts'
import { parseForeignSign1 } from './foreign-sign1.ts'
import { checkRevocation } from './optional-revocation.ts'

const ES384 = -35
const DOCUMENT_BYTES_MAX = 32 * 1024
const FIELD_BYTES_MAX = 1024
const PCRS_MAX = 32
const PCR_BYTES: readonly unknown[] = [32, 48, 64]
/** SHA-256 of the certificate of the AWS Nitro Enclaves root G1. */
export const AWS_ROOTS_SHA256: readonly string[] = [
  '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b',
]

/** A parsed document. */
export interface NitroDocument {
  readonly message: CoseSign1
  readonly moduleId: string
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** Registers of the enclave, or of the instance's NitroTPM. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  readonly isNitroTpm: boolean
  /** Leaf first, DER, with the root. */
  readonly chain: readonly Uint8Array[]
  readonly publicKey?: Uint8Array
  readonly userData?: Uint8Array
  readonly nonce?: Uint8Array
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', message, { cause })
}

/**
 * Parses a document.
 * @throws EvidenceError `malformed` or `unsupported`.
 */
export function parseNitroDocument(bytes: Uint8Array): NitroDocument {
  if (bytes.length > DOCUMENT_BYTES_MAX) throw malformed('the document is too long')
  try {
    return readDocument(parseForeignSign1(bytes))
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(`not a Nitro document: ${cause.message}`, cause)
  }
}

function readDocument(message: CoseSign1): NitroDocument {
  if (message.payload === null) throw malformed('the document has no payload')
  if (message.protectedHeader.get(HEADER.algorithm) !== ES384) {
    throw new EvidenceError('unsupported', 'the document is not signed with ES384')
  }
  const map = decodeCbor(definiteCbor(message.payload))
  if (!(map instanceof Map)) throw malformed('the payload is not a map')
  const document = map as CborMap
  const moduleId = document.get('module_id')
  const timestamp = document.get('timestamp')
  if (typeof moduleId !== 'string' || moduleId === '') throw malformed('no module_id')
  if (typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp) || timestamp <= 0) {
    throw malformed('no timestamp')
  }
  if (document.get('digest') !== 'SHA384') throw malformed('the digest is not SHA384')
  const bundle = document.get('cabundle')
  if (!Array.isArray(bundle)) throw malformed('no cabundle')
  const chain = [document.get('certificate'), ...[...(bundle as readonly CborValue[])].reverse()]
  const publicKey = readOptional(document.get('public_key'), 'public_key')
  const userData = readOptional(document.get('user_data'), 'user_data')
  const nonce = readOptional(document.get('nonce'), 'nonce')
  const isNitroTpm = document.has('nitrotpm_pcrs')
  if (isNitroTpm && document.has('pcrs')) throw malformed('two sets of registers')
  return {
    message,
    moduleId,
    timestamp,
    pcrs: readPcrs(document.get(isNitroTpm ? 'nitrotpm_pcrs' : 'pcrs')),
    isNitroTpm,
    chain: chain.map((certificate) => readField(certificate, 'a certificate')),
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(userData === undefined ? {} : { userData }),
    ...(nonce === undefined ? {} : { nonce }),
  }
}

function readField(value: CborValue, what: string): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > FIELD_BYTES_MAX) {
    throw malformed(`${what} is not a byte string of at most ${FIELD_BYTES_MAX} bytes`)
  }
  return value
}

function readOptional(value: CborValue, what: string): Uint8Array | undefined {
  return value === undefined || value === null ? undefined : readField(value, what)
}

function readPcrs(value: CborValue): ReadonlyMap<number, Uint8Array> {
  if (!(value instanceof Map) || value.size === 0 || value.size > PCRS_MAX) {
    throw malformed('there are 1 to 32 registers')
  }
  const pcrs = new Map<number, Uint8Array>()
  for (const [index, content] of value as CborMap) {
    const isIndex = typeof index === 'number' && index >= 0 && index < PCRS_MAX
    if (!isIndex || !(content instanceof Uint8Array) || !PCR_BYTES.includes(content.length)) {
      throw malformed('not a register')
    }
    pcrs.set(index, content)
  }
  return pcrs
}

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
  const lists = crls === undefined ? {} : { crls }
  const revocation = await checkRevocation({ path: path.path, ...lists, at, verifier })
  await checkSignature(document, chain[0]!, verifier)
  const isExpired = at > path.validUntil
  const validFrom = isExpired ? path.validUntil + 1 : evidenceTime - CLOCK_SKEW_SECONDS
  const validUntil = isExpired ? Number.MAX_SAFE_INTEGER : path.validUntil
  return {
    ...nitroDocumentFacts(document),
    evidenceTime,
    platformCertificateSha256: encodeHex(sha256(chain[0]!.der)),
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

async function checkSignature(
  { message }: NitroDocument,
  leaf: Certificate,
  verifier: SignatureVerifier,
): Promise<void> {
  const key = publicKeyFromSpki(leaf.spki.spki)
  try {
    await verifySign1({ message, key, verifier, failure: 'ERR_INNER_SIGNATURE' })
  } catch (cause) {
    if (!(cause instanceof VerificationError || cause instanceof InputError)) throw cause
    throw new EvidenceError('document-signature', cause.message, { cause })
  }
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** What a document says; nothing is verified here. */
export function nitroDocumentFacts(
  document: NitroDocument,
): Pick<NitroFacts, 'teeType' | 'measurements' | 'debug' | 'reportData'> {
  const { pcrs, isNitroTpm, userData } = document
  const measurements: Measurement[] = [...pcrs]
    .filter(([index, value]) => index === 0 || !isZero(value))
    .map(([index, value]) => ({ name: `pcr${index}`, value: encodeHex(value) }))
  const image = pcrs.get(0)
  return {
    teeType: 'nitro',
    measurements,
    // An enclave in debug mode attests zeros (AWS, "Verifying the root of trust").
    debug: !isNitroTpm && (image === undefined || isZero(image)),
    reportData: userData ?? new Uint8Array(0),
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
