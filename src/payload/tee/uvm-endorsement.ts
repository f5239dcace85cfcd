/**
 * Endorsements of utility-VM measurements (statements.md §5.9): Microsoft's COSE_Sign1 over the launch
 * measurement of the image that its container platform boots, with a certificate chain and a did:x509
 * issuer. Its signing certificate may have expired long before a statement refers to it, so it is
 * judged at the signing time that it states itself; that is a claim of the endorser, and a fact.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { digest } from '../../bytes/digest.ts'
import { decodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { CborTag, type CborMap, type CborValue } from '../../cbor/decode.ts'
import { CLAIM, HEADER } from '../../cose/labels.ts'
import { publicKeyFromSpki } from '../../cose/public-key.ts'
import { verifySign1 } from '../../cose/sign1.ts'
import { parseSign1, type CoseSign1 } from '../../cose/parse-sign1.ts'
import { InputError, VerificationError } from '../../errors.ts'
import { digestNameById } from '../../statement/hash-envelope.ts'
import { certificateChain } from '../../statement/statement-headers.ts'
import { parseDidX509 } from '../../x509/did-x509.ts'
import { matchDidX509 } from '../../x509/match-did-x509.ts'
import { parseCertificateChain, validatePath } from '../../x509/path.ts'
import type { ValidatedPath } from '../../x509/path.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { parseRfc3339 } from '../rfc3339.ts'
import { EvidenceError } from './evidence.ts'

const MEASUREMENT_BYTES = 48

/** A verified endorsement. */
export interface UvmEndorsement {
  /** The did:x509 of the endorser. */
  readonly issuer: string
  /** What is endorsed, e.g. `ContainerPlat-AMD-UVM`. */
  readonly feed: string
  /** The image's security version, as written. */
  readonly guestSvn: string
  readonly measurement: Uint8Array
  /** When the endorser says that it signed. */
  readonly signedAt?: UnixSeconds
  /** When the endorser's certificates end. */
  readonly validUntil: UnixSeconds
}

/** Whose endorsements count: the whole did:x509, since its root certifies many others. */
export interface UvmEndorser {
  readonly did: string
  /** What it may endorse; anything when absent. */
  readonly feed?: string
  /** Lowest security version of the image that counts. */
  readonly minSvn?: number
}

export interface VerifyEndorsementRequest {
  readonly endorsement: Uint8Array
  readonly endorsers: readonly UvmEndorser[]
  /** The registration time, for endorsements that state none and against those from the future. */
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('endorsement-malformed', message, { cause })
}

/** Members by their text label, or by the CWT claim that newer ones use. */
function readClaim(header: CborMap, label: string, claim: number | string): CborValue {
  const claims = header.get(HEADER.cwtClaims)
  return header.get(label) ?? (claims instanceof Map ? (claims as CborMap).get(claim) : undefined)
}

function readTime(value: CborValue): UnixSeconds | undefined {
  if (value === undefined) return undefined
  const seconds = value instanceof CborTag && value.tag === 1 ? value.value : value
  if (typeof seconds === 'number' && Number.isFinite(seconds)) return Math.floor(seconds)
  if (typeof seconds !== 'string') throw malformed('the signing time is not a time')
  return Math.floor(parseRfc3339(seconds, 'the signing time') / 1000)
}

function readText(value: CborValue, what: string): string {
  if (typeof value !== 'string') throw malformed(`the endorsement has no ${what}`)
  return value
}

interface EndorsedImage {
  readonly measurement: Uint8Array
  readonly guestSvn: string
}

/** JSON with the measurement, or in newer ones the measurement itself as a hash envelope. */
function readPayload(message: CoseSign1): EndorsedImage {
  const { payload, protectedHeader } = message
  if (payload === null) throw malformed('the endorsement has no payload')
  if (protectedHeader.has(HEADER.payloadHashAlgorithm)) {
    if (payload.length !== MEASUREMENT_BYTES) throw malformed('the digest is no measurement')
    const svn = readClaim(protectedHeader, 'svn', 'svn')
    if (typeof svn !== 'number' && typeof svn !== 'string') throw malformed('no svn')
    return { measurement: payload, guestSvn: String(svn) }
  }
  const context = { code: 'ERR_PAYLOAD_MALFORMED', what: 'the endorsement' } as const
  const json = parseStrictJson(payload, context) as Record<string, unknown> | null
  const hex = json?.['x-ms-sevsnpvm-launchmeasurement']
  const svn = json?.['x-ms-sevsnpvm-guestsvn']
  if (typeof hex !== 'string' || (typeof svn !== 'string' && typeof svn !== 'number')) {
    throw malformed('the endorsement names no launch measurement')
  }
  const measurement = decodeHex(hex.toLowerCase())
  if (measurement.length !== MEASUREMENT_BYTES) throw malformed('not a launch measurement')
  return { measurement, guestSvn: String(svn) }
}

async function validateEndorser(
  request: VerifyEndorsementRequest & { readonly message: CoseSign1; readonly issuer: string },
  at: UnixSeconds,
): Promise<ValidatedPath> {
  const { message, issuer, verifier } = request
  const encoded = certificateChain(message.protectedHeader.get(HEADER.x5chain))
  if (encoded === undefined) throw malformed('the endorsement has no certificates')
  const chain = parseCertificateChain(encoded)
  const x5t = message.protectedHeader.get(HEADER.x5t)
  if (x5t !== undefined) assertThumbprint(x5t, chain[0]!.der)
  const did = parseDidX509(issuer)
  const validated = await validatePath({ chain, rootFingerprint: did.fingerprint, at, verifier })
  matchDidX509(did, validated.path)
  return validated
}

function assertThumbprint(x5t: CborValue, leaf: Uint8Array): void {
  const [algorithm, hash] = Array.isArray(x5t) ? (x5t as readonly CborValue[]) : []
  if (typeof algorithm !== 'number' || !(hash instanceof Uint8Array)) throw malformed('bad x5t')
  if (!equalBytes(digest(digestNameById(algorithm), leaf), hash)) {
    throw new EvidenceError('endorsement-path', 'x5t is not the digest of the certificate')
  }
}

/**
 * Verifies an endorsement.
 * @throws EvidenceError `endorsement-malformed`, `-issuer`, `-time`, `-path` or
 * `endorsement-signature`.
 */
export async function verifyUvmEndorsement(
  request: VerifyEndorsementRequest,
): Promise<UvmEndorsement> {
  try {
    return await verifyParsed(request, parseSign1(request.endorsement))
  } catch (cause) {
    if (cause instanceof InputError) throw malformed(cause.message, cause)
    if (!(cause instanceof VerificationError) || cause instanceof EvidenceError) throw cause
    const reason =
      cause.code === 'ERR_INNER_SIGNATURE' ? 'endorsement-signature' : 'endorsement-path'
    throw new EvidenceError(reason, cause.message, { cause })
  }
}

async function verifyParsed(
  request: VerifyEndorsementRequest,
  message: CoseSign1,
): Promise<UvmEndorsement> {
  const { protectedHeader } = message
  const issuer = readText(readClaim(protectedHeader, 'iss', CLAIM.issuer), 'issuer')
  const feed = readText(readClaim(protectedHeader, 'feed', CLAIM.subject), 'feed')
  const pinned = request.endorsers.filter(
    (endorser) => endorser.did === issuer && (endorser.feed ?? feed) === feed,
  )
  if (pinned.length === 0) {
    throw new EvidenceError('endorsement-issuer', 'nobody pinned this endorser for this feed')
  }
  const signedAt = readTime(readClaim(protectedHeader, 'signingtime', CLAIM.issuedAt))
  if (signedAt !== undefined && signedAt > request.at) {
    throw new EvidenceError('endorsement-time', 'the endorsement says that it is from the future')
  }
  const { path, validUntil } = await validateEndorser(
    { ...request, message, issuer },
    signedAt ?? request.at,
  )
  const key = publicKeyFromSpki(path[0]!.spki.spki)
  const { verifier } = request
  await verifySign1({ message, key, verifier, failure: 'ERR_INNER_SIGNATURE' })
  const image = readPayload(message)
  if (!pinned.some(({ minSvn = 0 }) => isAtLeast(image.guestSvn, minSvn))) {
    const message = `the image has security version ${image.guestSvn}, below the one that is demanded`
    throw new EvidenceError('endorsement-svn', message)
  }
  return {
    issuer,
    feed,
    ...image,
    ...(signedAt === undefined ? {} : { signedAt }),
    validUntil,
  }
}

/** Whatever is no number is below every bound but none. */
function isAtLeast(svn: string, minSvn: number): boolean {
  return minSvn === 0 || (/^[0-9]{1,15}$/.test(svn) && Number(svn) >= minSvn)
}
