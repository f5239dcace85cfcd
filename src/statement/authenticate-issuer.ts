/**
 * Who signed this statement, and may they speak for the issuer that it names? (RFC 9943 §5.1.1.1,
 * §6.3.) The anchors allowed for the issuer give candidate keys; a certificate chain is validated to
 * its root at the given time and a did:x509 issuer is held against it; the statement's signature is
 * always verified. Nothing is fetched and there is no clock.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { digest } from '../bytes/digest.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { algorithmById, assertKeyFits } from '../cose/algorithms.ts'
import { publicKeyFromSpki, type PublicKey } from '../cose/public-key.ts'
import { describeKeyId, verifySign1 } from '../cose/sign1.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { parseDidX509 } from '../x509/did-x509.ts'
import { matchDidX509 } from '../x509/match-did-x509.ts'
import { parseCertificateChain, validatePath, type ValidatedPath } from '../x509/path.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { candidateKeys } from './candidate-keys.ts'
import { digestNameById } from './hash-envelope.ts'
import { matchesPattern } from './issuer-pattern.ts'
import type { SignedStatement } from './signed-statement.ts'
import type { TrustAnchor } from './trust-anchor.ts'

const ALWAYS = { validFrom: 0, validUntil: Number.MAX_SAFE_INTEGER } as const

export interface AuthenticateRequest {
  readonly statement: SignedStatement
  readonly anchors: readonly TrustAnchor[]
  /** Time at which certificates must be valid. */
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** The answer: whose key it was, by which anchor, and when the same answer would be given. */
export interface AuthenticatedIssuer {
  readonly issuer: string
  readonly anchor: TrustAnchor
  readonly key: PublicKey
  /** Validated certificates, leaf first; absent for plain keys. */
  readonly path?: readonly Certificate[]
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
}

/**
 * Authenticates the issuer of a statement.
 * @throws VerificationError `ERR_ISSUER_UNKNOWN`, `ERR_ISSUER_KEY`, `ERR_X509_PATH`,
 * `ERR_DID_X509_MISMATCH` or `ERR_STATEMENT_SIGNATURE`.
 * @throws InputError when headers or certificates do not parse, or the algorithm does not fit.
 */
export async function authenticateIssuer(
  request: AuthenticateRequest,
): Promise<AuthenticatedIssuer> {
  const { statement, anchors } = request
  const { issuer } = statement.headers
  if (issuer === undefined) {
    throw new InputError('ERR_STATEMENT_HEADERS', 'the issuer (CWT claim iss, 1) is missing')
  }
  // Attested services are authenticated by what their statements carry (payload/authenticate-attested.ts).
  const allowed = anchors.filter(
    (anchor): anchor is KnownAnchor =>
      anchor.kind !== 'attested-service' && speaksFor(anchor, issuer),
  )
  if (allowed.length === 0) {
    throw new VerificationError('ERR_ISSUER_UNKNOWN', 'no trust anchor speaks for this issuer')
  }
  const signedChain = statement.headers.x5chain
  const chain = signedChain ?? statement.unprotectedX5chain
  if (chain === undefined) return byKey(request, issuer, allowed)
  const roots = allowed.filter((anchor) => anchor.kind !== 'cose-key')
  if (roots.length === 0) return byKey(request, issuer, allowed)
  const certified = byCertificate({ ...request, issuer, chain, roots })
  if (signedChain !== undefined || roots.length === allowed.length) return certified
  // An unprotected chain is help that anybody may add: a wrong one does not stand in a key's way.
  return certified.catch((error: unknown) => {
    if (!(error instanceof VerificationError || error instanceof InputError)) throw error
    return byKey(request, issuer, allowed)
  })
}

/** Whether an anchor is for an issuer; what it may say, and with which key, is another question. */
export function speaksFor({ issuers }: TrustAnchor, issuer: string): boolean {
  return issuers.some((pattern) => matchesPattern(pattern, issuer))
}

/** Parses the chain and holds its leaf against a protected x5t. */
function parseChain(
  { headers }: SignedStatement,
  encoded: readonly Uint8Array[],
): readonly Certificate[] {
  const chain = parseCertificateChain(encoded)
  if (headers.x5t !== undefined) {
    const { algorithm, hash } = headers.x5t
    const leaf = chain[0]!
    if (!equalBytes(digest(digestNameById(algorithm), leaf.der), hash)) {
      throw new VerificationError(
        'ERR_ISSUER_KEY',
        'x5t is not the digest of the certificate given',
      )
    }
  }
  return chain
}

type KnownAnchor = Exclude<TrustAnchor, { kind: 'attested-service' }>
type RootAnchor = Exclude<KnownAnchor, { kind: 'cose-key' }>

interface ByCertificate extends AuthenticateRequest {
  readonly issuer: string
  /** DER, leaf first, not parsed yet. */
  readonly chain: readonly Uint8Array[]
  readonly roots: readonly RootAnchor[]
}

async function byCertificate(request: ByCertificate): Promise<AuthenticatedIssuer> {
  const { statement, issuer, verifier } = request
  const chain = parseChain(statement, request.chain)
  const { anchor, validated } = await validateToOne(request, chain)
  const key = publicKeyFromSpki(chain[0]!.spki.spki)
  await verifySign1({
    message: statement.message,
    key,
    verifier,
    failure: 'ERR_STATEMENT_SIGNATURE',
  })
  const { path, validFrom, validUntil } = validated
  return { issuer, anchor, key, path, validFrom, validUntil }
}

/** The first anchor that vouches for chain and issuer; else the error about the last one tried. */
async function validateToOne(
  request: ByCertificate,
  chain: readonly Certificate[],
): Promise<{ anchor: RootAnchor; validated: ValidatedPath }> {
  const { at, issuer, verifier } = request
  let failure: unknown
  for (const anchor of request.roots) {
    const root =
      anchor.kind === 'x509-root'
        ? { roots: [anchor.certificate] }
        : { rootFingerprint: anchor.fingerprint }
    try {
      const validated = await validatePath({ chain, ...root, at, verifier })
      matchIssuer(issuer, anchor, validated.path)
      return { anchor, validated }
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      failure = error
    }
  }
  throw failure
}

/** A did:x509 is held against the path; an anchor for those speaks for nothing else. */
function matchIssuer(issuer: string, anchor: RootAnchor, path: readonly Certificate[]): void {
  if (issuer.startsWith('did:x509:')) matchDidX509(parseDidX509(issuer), path)
  else if (anchor.kind === 'did-x509-root') {
    throw new VerificationError(
      'ERR_DID_X509_MISMATCH',
      'this anchor speaks for did:x509 issuers only',
    )
  }
}

async function byKey(
  { statement, verifier }: AuthenticateRequest,
  issuer: string,
  allowed: readonly KnownAnchor[],
): Promise<AuthenticatedIssuer> {
  const algorithm = algorithmById(statement.headers.algorithm)
  const { keyId } = statement.headers
  let failure: VerificationError | InputError | undefined
  for (const anchor of candidateKeys(allowed, keyId, certifiedKey(statement))) {
    try {
      assertKeyFits(algorithm, anchor.key)
      const { message } = statement
      await verifySign1({ message, key: anchor.key, verifier, failure: 'ERR_STATEMENT_SIGNATURE' })
      const { validFrom, validUntil } = ALWAYS
      return { issuer, anchor, key: anchor.key, validFrom, validUntil }
    } catch (error) {
      if (!(error instanceof VerificationError || error instanceof InputError)) throw error
      failure ??= error
    }
  }
  throw (
    failure ??
    new VerificationError(
      'ERR_ISSUER_KEY',
      `no key that may speak for this issuer has ${describeKeyId(keyId)}` +
        (statement.headers.x5t === undefined ? '' : ', and no certificate is given'),
    )
  )
}

/** The key of the certificate that the protected header names: every identifier there counts (TS-2). */
function certifiedKey(statement: SignedStatement): Uint8Array | undefined {
  const [leaf] = statement.headers.x5chain ?? []
  return leaf === undefined ? undefined : parseChain(statement, [leaf])[0]!.spki.spki
}
