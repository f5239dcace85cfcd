/** Making Signed Statements: what an Issuer's side does (RFC 9943 §6, IS-1..6). */
import { digest, type DigestName } from '../bytes/digest.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import type { CborValue } from '../cbor/decode.ts'
import { CLAIM, HEADER } from '../cose/labels.ts'
import { signSign1 } from '../cose/sign1.ts'
import type { Signer } from '../cose/signer.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { DIGEST_IDS } from './hash-envelope.ts'

export interface SignStatementRequest {
  readonly payload: Uint8Array
  readonly issuer: string
  readonly subject: string
  /** Media type of the payload; of its preimage when `hash` is given. */
  readonly contentType: string
  readonly signer: Signer
  /** Time that the issuer claims, seconds since 1970. */
  readonly issuedAt?: UnixSeconds
  /** DER certificates, leaf first, for the protected header. */
  readonly x5chain?: readonly Uint8Array[]
  /** Sign a digest of the payload (hash envelope) instead of the payload. */
  readonly hash?: DigestName
}

/** Signs a statement; returns tagged COSE_Sign1 bytes in canonical form. */
export async function signStatement(request: SignStatementRequest): Promise<Uint8Array> {
  const { payload, hash, signer, contentType, x5chain } = request
  const claims = new Map<CborValue, CborValue>([
    [CLAIM.issuer, request.issuer],
    [CLAIM.subject, request.subject],
  ])
  if (request.issuedAt !== undefined) claims.set(CLAIM.issuedAt, request.issuedAt)
  const header = new Map<CborValue, CborValue>([
    [HEADER.keyId, signer.publicKey.kid ?? keyThumbprint(signer.publicKey)],
    [HEADER.cwtClaims, claims],
  ])
  if (hash === undefined) header.set(HEADER.contentType, contentType)
  else {
    header.set(HEADER.payloadHashAlgorithm, DIGEST_IDS[hash])
    header.set(HEADER.preimageContentType, contentType)
  }
  if (x5chain !== undefined) {
    // RFC 9360 §2: a single certificate is a byte string, not an array of one.
    header.set(HEADER.x5chain, x5chain.length === 1 ? x5chain[0] : x5chain)
  }
  return signSign1({
    protectedHeader: header,
    payload: hash === undefined ? payload : digest(hash, payload),
    signer,
  })
}
