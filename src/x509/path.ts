/**
 * Certification path validation (RFC 5280 §6) for signing certificates, at a time that the caller
 * gives. A chain comes leaf first and in order; nothing is searched for and nothing is fetched. Every
 * certificate, the root too, must be valid at that time (CVE-2026-24122). Stricter than RFC 5280:
 * names link by equal DER, and a root's own path length and name constraints count. It leaves out
 * revocation and policy mapping: critical policyConstraints and the like are refused as unknown.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { digest } from '../bytes/digest.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError, VerificationError } from '../errors.ts'
import { CERTIFICATE_BYTES_MAX, parseCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { checkIssuedSignature } from './issued-signature.ts'
import { equalNames } from './name.ts'
import { checkNameConstraints } from './name-constraints.ts'
import type { HashName, SignatureVerifier } from './signature-verifier.ts'

export const CHAIN_LENGTH_MAX = 5
export const CHAIN_BYTES_MAX: number = 32 * 1024

/** Digest of a CA certificate's DER, as did:x509 pins it. */
export interface CertificateFingerprint {
  readonly hash: HashName
  readonly value: Uint8Array
}

/** What a chain must lead to: a configured certificate, or a CA in the chain with this fingerprint. */
export type PathAnchors =
  { readonly roots: readonly Certificate[] } | { readonly rootFingerprint: CertificateFingerprint }

export type PathRequest = PathAnchors & {
  /** Leaf first, each issued by the next; the root may be included. */
  readonly chain: readonly Certificate[]
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
  /** What the leaf's key is for; `crlSign` for the issuer of a revocation list. */
  readonly leafUsage?: 'digitalSignature' | 'crlSign'
}

/** A chain that holds; `path` ends with the root, and [validFrom, validUntil] is when all hold. */
export interface ValidatedPath {
  readonly path: readonly Certificate[]
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
}

function refused(message: string, cause?: unknown): VerificationError {
  return new VerificationError(
    'ERR_X509_PATH',
    message,
    cause === undefined ? undefined : { cause },
  )
}

/**
 * Parses an x5chain (RFC 9360), bounded before anything is parsed.
 * @throws InputError `ERR_X509_MALFORMED` for no certificate, more than 5, or more than 32 KiB.
 */
export function parseCertificateChain(chain: readonly Uint8Array[]): Certificate[] {
  const bytes = chain.reduce((sum, der) => sum + der.length, 0)
  if (chain.length === 0 || chain.length > CHAIN_LENGTH_MAX) {
    throw new InputError('ERR_X509_MALFORMED', `a chain has 1 to ${CHAIN_LENGTH_MAX} certificates`)
  }
  if (bytes > CHAIN_BYTES_MAX || chain.some((der) => der.length > CERTIFICATE_BYTES_MAX)) {
    throw new InputError('ERR_X509_MALFORMED', `a chain has at most ${CHAIN_BYTES_MAX} bytes`)
  }
  return chain.map(parseCertificate)
}

function isSelfIssued(certificate: Certificate): boolean {
  return equalNames(certificate.subject, certificate.issuer)
}

function checkBounds(chain: readonly Certificate[]): void {
  const bytes = chain.reduce((sum, { der }) => sum + der.length, 0)
  if (chain.length === 0) throw refused('the chain is empty')
  if (chain.length > CHAIN_LENGTH_MAX || bytes > CHAIN_BYTES_MAX) {
    throw refused(`the chain has more than ${CHAIN_LENGTH_MAX} certificates or 32 KiB`)
  }
}

/** What a certificate must fulfil wherever it stands. */
function checkCertificate(certificate: Certificate, position: number, at: UnixSeconds): void {
  if (at < certificate.notBefore) throw refused(`certificate ${position} is not valid yet`)
  if (at > certificate.notAfter) throw refused(`certificate ${position} has expired`)
  const [unknown] = certificate.unknownCritical
  if (unknown !== undefined) {
    throw refused(`certificate ${position} has the unknown critical extension ${unknown}`)
  }
}

/** RFC 5280 §6.1.4 (k) to (n); `below` counts the CA certificates between this one and the leaf. */
function checkIssuer(issuer: Certificate, position: number, below: number): void {
  if (!issuer.isCa) throw refused(`certificate ${position} is not a CA`)
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.has('keyCertSign')) {
    throw refused(`certificate ${position} may not sign certificates`)
  }
  if (issuer.pathLength !== undefined && below > issuer.pathLength) {
    throw refused(`certificate ${position} allows ${issuer.pathLength} CAs below it, got ${below}`)
  }
  if (issuer.subject.rdns.length === 0) throw refused(`certificate ${position} has no subject`)
}

/** All that is cheap: every link by name, and each certificate in its place. */
function checkPath(path: readonly Certificate[], { at, leafUsage }: PathRequest): void {
  const usage = leafUsage ?? 'digitalSignature'
  let below = 0
  for (const [position, certificate] of path.entries()) {
    checkCertificate(certificate, position, at)
    if (position === 0) {
      if (certificate.keyUsage !== undefined && !certificate.keyUsage.has(usage)) {
        const use = usage === 'crlSign' ? 'sign revocation lists' : 'make digital signatures'
        throw refused(`the leaf certificate may not ${use}`)
      }
      continue
    }
    if (!equalNames(path[position - 1]!.issuer, certificate.subject)) {
      throw refused('the chain is not in order: a certificate does not name the next as its issuer')
    }
    checkIssuer(certificate, position, below)
    if (!isSelfIssued(certificate)) below++
  }
}

/** RFC 5280 §6.1.3 (b), (c). After the signatures, since names times constraints is much work. */
function checkNames(path: readonly Certificate[]): void {
  for (const [position, certificate] of path.entries()) {
    const constraints = certificate.nameConstraints
    if (constraints === undefined) continue
    for (const [lower, subject] of path.slice(0, position).entries()) {
      // A self-issued CA certificate is exempt, the last one never.
      if (lower === 0 || !isSelfIssued(subject)) checkNameConstraints(subject, constraints)
    }
  }
}

function isPinned(chain: readonly Certificate[], anchors: PathAnchors): boolean {
  if ('rootFingerprint' in anchors) {
    const { hash, value } = anchors.rootFingerprint
    return chain.slice(1).some(({ der }) => equalBytes(digest(hash, der), value))
  }
  return chain.some(({ der }) => anchors.roots.some((root) => equalBytes(root.der, der)))
}

function validated(path: readonly Certificate[]): ValidatedPath {
  return {
    path,
    validFrom: Math.max(...path.map(({ notBefore }) => notBefore)),
    validUntil: Math.min(...path.map(({ notAfter }) => notAfter)),
  }
}

/** From the top, so that nobody below is asked before the one above is known to be genuine. */
async function checkSignatures(
  path: readonly Certificate[],
  verifier: SignatureVerifier,
): Promise<void> {
  for (let i = path.length - 1; i > 0; i--) {
    await checkIssuedSignature(path[i - 1]!, path[i]!.spki, verifier)
  }
}

/** The chain, continued by the configured root that issued its last certificate. */
async function extendToRoot(request: PathRequest, last: Certificate): Promise<ValidatedPath> {
  const roots = 'roots' in request ? request.roots : []
  let failure = refused('the chain does not lead to a trusted root')
  for (const root of roots) {
    if (!equalNames(last.issuer, root.subject)) continue
    const path = [...request.chain, root]
    try {
      checkPath(path, request)
      await checkSignatures(path, request.verifier)
      checkNames(path)
      return validated(path)
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      failure = error
    }
  }
  throw failure
}

/**
 * Validates a chain to a trusted root at the time `at`. A root is trusted by configuration (`roots`),
 * whether it is in the chain itself or issued the chain's last certificate, or by its fingerprint, in
 * which case it is in the chain and is not the leaf. All certificates of the chain must hold, also
 * those above the trusted one.
 * @throws VerificationError `ERR_X509_PATH`
 */
export async function validatePath(request: PathRequest): Promise<ValidatedPath> {
  const { chain, verifier } = request
  checkBounds(chain)
  checkPath(chain, request)
  if (!isPinned(chain, request)) return extendToRoot(request, chain[chain.length - 1]!)
  await checkSignatures(chain, verifier)
  checkNames(chain)
  return validated(chain)
}
