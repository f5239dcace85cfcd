/**
 * Vendor certificates as they come with evidence, in PEM or DER, in any order, with or without the
 * root, made into a chain and validated. Each way to fail gets its own reason; `x509/path.ts` knows
 * the rules.
 */
import { decodeUtf8 } from '../../bytes/bytes.ts'
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { AttestryError, VerificationError } from '../../errors.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { TAG } from '../../x509/der.ts'
import { commonName, equalNames } from '../../x509/name.ts'
import { CHAIN_LENGTH_MAX, validatePath } from '../../x509/path.ts'
import type { PathRequest, ValidatedPath } from '../../x509/path.ts'
import { decodePem } from '../../x509/pem.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { EvidenceError } from './evidence.ts'

/** Certificates that evidence and collateral may bring together. */
const POOL_MAX = 16

/**
 * The certificates of a file: one in DER, or PEM blocks; zero bytes behind PEM text are padding.
 * @throws EvidenceError `chain-malformed`.
 */
export function readCertificates(bytes: Uint8Array): Certificate[] {
  try {
    if (bytes[0] === TAG.sequence) return [parseCertificate(bytes)]
    let end = bytes.length
    while (end > 0 && bytes[end - 1] === 0) end--
    const blocks = decodePem(decodeUtf8(bytes.subarray(0, end)), 'CERTIFICATE')
    if (blocks.length > POOL_MAX) {
      throw new EvidenceError('chain-malformed', `more than ${POOL_MAX} certificates`)
    }
    return blocks.map(parseCertificate)
  } catch (cause) {
    if (!(cause instanceof AttestryError) || cause instanceof EvidenceError) throw cause
    throw new EvidenceError('chain-malformed', `not a certificate: ${cause.message}`, { cause })
  }
}

/** SHA-256 of a certificate's DER, lower-case hex: what roots are pinned by. */
export function fingerprint({ der }: Certificate): string {
  return encodeHex(sha256(der))
}

/** Leaf first: `leaf` and its issuers out of `pool`, as far as they are there. */
export function orderChain(leaf: Certificate, pool: readonly Certificate[]): Certificate[] {
  const chain = [leaf]
  for (let last = leaf; chain.length < CHAIN_LENGTH_MAX;) {
    if (equalNames(last.issuer, last.subject)) break
    const { issuer } = last
    const next = pool.find(({ subject }) => equalNames(subject, issuer))
    if (next === undefined || chain.includes(next)) break
    chain.push(next)
    last = next
  }
  return chain
}

/** What {@link validateVendorPath} needs. */
export interface VendorPathRequest {
  /** Leaf first, each issued by the next, with the root. */
  readonly chain: readonly Certificate[]
  /** SHA-256 of the certificates of pinned roots, lower-case hex. */
  readonly roots: readonly string[]
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
  /** What the leaf's key is for; `crlSign` for the issuer of a revocation list. */
  readonly leafUsage?: PathRequest['leafUsage'] | undefined
  /** Who has an issuer that is not there. Absent: the chain is the evidence's own and has to be whole. */
  readonly source?: string
}

/** A chain that breaks off says nothing against the evidence: whoever has the next certificate may add it. */
function notPinned({ chain, source }: VendorPathRequest): EvidenceError {
  const { issuer } = chain.at(-1)!
  const isWhole =
    chain.length === CHAIN_LENGTH_MAX || chain.some(({ subject }) => equalNames(subject, issuer))
  if (source === undefined || isWhole) {
    return new EvidenceError('root', 'the certificates do not lead to a pinned root')
  }
  const name = commonName(issuer) ?? ''
  return new EvidenceError('chain-missing', `the certificate of "${name}" is missing: ${source}`)
}

/**
 * Validates a chain to a pinned root at the time `at`.
 * @throws EvidenceError `chain-missing`, `certificate-not-yet-valid`, `certificate-expired`, `root` or
 * `certificate-path`.
 */
export async function validateVendorPath(request: VendorPathRequest): Promise<ValidatedPath> {
  const { chain, roots, at, verifier, leafUsage } = request
  if (chain.length === 0) throw new EvidenceError('chain-missing', 'there are no certificates')
  for (const [position, { notBefore, notAfter }] of chain.entries()) {
    if (at < notBefore) {
      throw new EvidenceError('certificate-not-yet-valid', `certificate ${position} is from later`)
    }
    if (at > notAfter) {
      throw new EvidenceError('certificate-expired', `certificate ${position} has expired`)
    }
  }
  const pinned = chain
    .slice(1)
    .map(({ der }) => sha256(der))
    .find((value) => roots.includes(encodeHex(value)))
  if (pinned === undefined) throw notPinned(request)
  try {
    const rootFingerprint = { hash: 'SHA-256', value: pinned } as const
    const usage = leafUsage === undefined ? {} : { leafUsage }
    return await validatePath({ chain, rootFingerprint, at, verifier, ...usage })
  } catch (cause) {
    if (!(cause instanceof VerificationError)) throw cause
    throw new EvidenceError('certificate-path', cause.message, { cause })
  }
}

/**
 * The certificates in a list of DER or PEM files, such as a collateral container's.
 * @throws EvidenceError `chain-malformed`.
 */
export function readCertificateFiles(files: readonly Uint8Array[]): Certificate[] {
  if (files.length > POOL_MAX) {
    throw new EvidenceError('chain-malformed', `more than ${POOL_MAX} certificate files`)
  }
  return files.flatMap(readCertificates)
}
