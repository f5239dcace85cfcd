/**
 * Entity Attestation Tokens (RFC 9711) as JWT and as CWT, verified and brought into one form: claims by
 * their JSON names. Results of other verifiers come this way (EAR, Azure, Intel, Google; statements.md
 * §5.7, §5.8). Their keys are pinned, or their certificates lead to a pinned root; times are facts, and
 * a result that has expired says so in a finding.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { HEADER } from '../../cose/labels.ts'
import { publicKeyFromSpki, type PublicKey } from '../../cose/public-key.ts'
import { verifySign1 } from '../../cose/sign1.ts'
import { type CoseSign1 } from '../../cose/parse-sign1.ts'
import { InputError, VerificationError } from '../../errors.ts'
import { parseCertificate, type Certificate } from '../../x509/certificate.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { Finding } from '../description.ts'
import type { JsonObject } from '../json-members.ts'
import { fingerprint, orderChain, validateVendorPath } from './certificate-chain.ts'
import {
  claimed,
  isCose,
  parseCwt,
  readClaims,
  timeClaim,
  type ClaimedToken,
} from './eat-claims.ts'
import { CLOCK_SKEW_SECONDS, EvidenceError, KEYS_TRIED_MAX } from './evidence.ts'
import { bytesFromBase64 } from './foreign-text.ts'
import { isJwtSignedBy, parseJwt, TOKEN_BYTES_MAX, verifyJwt, type Jwt } from './jwt.ts'
import type { VerifierKey } from './key-set.ts'

export interface VerifyTokenRequest {
  /** A compact JWT, or a CWT in a COSE_Sign1. */
  readonly token: Uint8Array
  /** Keys of verifiers that count. */
  readonly keys: readonly VerifierKey[]
  /** Issuers that count; any when absent. */
  readonly issuers?: readonly string[]
  /** SHA-256 of roots that a certificate chain in the token may lead to, lower-case hex. */
  readonly roots?: readonly string[]
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** A verified token. */
export interface VerifiedToken extends ClaimedToken {
  readonly encoding: 'jwt' | 'cwt'
  readonly key: PublicKey
  readonly kid?: string
  /** SHA-256 of the signing certificate, where one led to a root. */
  readonly certificateSha256?: string
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
  readonly findings: readonly Finding[]
}

type Signer = Pick<VerifiedToken, 'key' | 'kid' | 'certificateSha256'>

/**
 * Verifies a token.
 * @throws EvidenceError with the reason.
 */
export async function verifyToken(request: VerifyTokenRequest): Promise<VerifiedToken> {
  const { token, at } = request
  if (token.length > TOKEN_BYTES_MAX) throw new EvidenceError('malformed', 'the token is too long')
  const encoding = isCose(token) ? 'cwt' : 'jwt'
  const { claims, signer } = encoding === 'cwt' ? await openCwt(request) : await openJwt(request)
  const read = claimed(claims)
  if (request.issuers !== undefined && !request.issuers.includes(read.issuer ?? '')) {
    throw new EvidenceError('result-issuer', 'the token is of another issuer')
  }
  return { encoding, ...read, ...signer, ...windowOf(read, at) }
}

type Window = Pick<VerifiedToken, 'validFrom' | 'validUntil' | 'findings'>

function windowOf({ claims, issuedAt, expiresAt }: ClaimedToken, at: UnixSeconds): Window {
  const begins = Math.max(issuedAt ?? 0, timeClaim(claims, 'nbf') ?? 0)
  const validFrom = Math.max(0, begins - CLOCK_SKEW_SECONDS)
  if (at < validFrom) throw new EvidenceError('result-not-yet-valid', 'the token is from later')
  if (expiresAt !== undefined && expiresAt < begins) {
    throw new EvidenceError('malformed', 'the token ends before it begins')
  }
  if (expiresAt === undefined || at <= expiresAt) {
    return { validFrom, validUntil: expiresAt ?? Number.MAX_SAFE_INTEGER, findings: [] }
  }
  const message = 'valid when it was issued; the result has expired since'
  const findings = [{ code: 'result-expired', message }]
  return { validFrom: expiresAt + 1, validUntil: Number.MAX_SAFE_INTEGER, findings }
}

interface Opened {
  readonly claims: JsonObject
  readonly signer: Signer
}

async function openJwt(request: VerifyTokenRequest): Promise<Opened> {
  const jwt = parseJwt(request.token)
  const chain = jwt.header['x5c']
  if (request.roots !== undefined && Array.isArray(chain)) {
    return { claims: jwt.claims, signer: await certifiedSigner(request, jwt, chain) }
  }
  const { key, kid } = await verifyJwt(jwt, request.keys, request.verifier)
  return { claims: jwt.claims, signer: { key, ...(kid === undefined ? {} : { kid }) } }
}

/** Google's PKI tokens: the chain is judged at the time of issue, which the token states. */
async function certifiedSigner(
  request: VerifyTokenRequest,
  jwt: Jwt,
  encoded: readonly unknown[],
): Promise<Signer> {
  const { roots = [], verifier, at } = request
  const certificates = encoded.map(readCertificate)
  const [leaf] = certificates
  if (leaf === undefined) throw new EvidenceError('chain-missing', 'x5c is empty')
  const issuedAt = Math.min(timeClaim(jwt.claims, 'iat') ?? at, at)
  const chain = orderChain(leaf, certificates)
  await validateVendorPath({ chain, roots, at: issuedAt, verifier })
  const key = publicKeyFromSpki(leaf.spki.spki)
  if (!(await isJwtSignedBy(jwt, key, verifier))) {
    throw new EvidenceError('result-signature', 'the signature of the token does not verify')
  }
  return { key, certificateSha256: fingerprint(leaf) }
}

function readCertificate(text: unknown): Certificate {
  try {
    return parseCertificate(bytesFromBase64(text, 'x5c'))
  } catch (cause) {
    if (!(cause instanceof InputError || cause instanceof EvidenceError)) throw cause
    throw new EvidenceError('chain-malformed', cause.message, { cause })
  }
}

async function openCwt(request: VerifyTokenRequest): Promise<Opened> {
  const message = parseCwt(request.token)
  const keyId = message.protectedHeader.get(HEADER.keyId)
  const name = keyId instanceof Uint8Array ? encodeHex(keyId) : undefined
  const candidates = request.keys.filter(({ kid }) => {
    if (name === undefined || kid === undefined) return true
    return kid === name || kid === new TextDecoder().decode(keyId as Uint8Array)
  })
  if (candidates.length === 0) {
    throw new EvidenceError('result-key', 'no pinned key is the one that the token names')
  }
  for (const { key, kid } of candidates.slice(0, KEYS_TRIED_MAX)) {
    if (await isSignedBy(message, key, request.verifier)) {
      return { claims: readClaims(message), signer: { key, ...(kid === undefined ? {} : { kid }) } }
    }
  }
  throw new EvidenceError('result-signature', 'the signature of the token does not verify')
}

async function isSignedBy(
  message: CoseSign1,
  key: PublicKey,
  verifier: SignatureVerifier,
): Promise<boolean> {
  try {
    await verifySign1({ message, key, verifier, failure: 'ERR_INNER_SIGNATURE' })
    return true
  } catch (error) {
    if (error instanceof VerificationError || error instanceof InputError) return false
    throw error
  }
}
