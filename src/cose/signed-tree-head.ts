/**
 * Signed tree heads (D2): one COSE_Sign1 per committed batch whose detached payload is the root and
 * whose protected header, {1: alg, 4: kid, 15: {1: iss, 2: origin, 6: iat, -65537: tree size},
 * 395: 1}, is that of every receipt made from it. `iat` is the registration time of the batch.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { treeSize, type UnixSeconds } from '../bytes/integers.ts'
import type { CborMap, CborValue } from '../cbor/decode.ts'
import { encodeCbor } from '../cbor/encode.ts'
import { InputError, VerificationError } from '../errors.ts'
import { parseHash, type RootHash } from '../merkle/hasher.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { CLAIM, HEADER, VDS } from './labels.ts'
import type { PublicKey } from './public-key.ts'
import { encodeSign1, sigStructure, verifySign1 } from './sign1.ts'
import { parseSign1 } from './parse-sign1.ts'
import type { Signer } from './signer.ts'
import { keyThumbprint } from './thumbprint.ts'

/** A tree head, its registration time and its signature. */
export interface SignedTreeHead {
  readonly treeHead: TreeHead
  /** Registration time of the batch that the head closed. */
  readonly registrationTime: UnixSeconds
  /** COSE_Sign1 with nil payload and empty unprotected header. */
  readonly bytes: Uint8Array
}

/** What a head says besides its root. */
export interface TreeHeadClaims {
  readonly issuer: string
  readonly origin: string
  readonly treeHead: TreeHead
  readonly registrationTime: UnixSeconds
}

function protectedHeader(claims: TreeHeadClaims, algorithm: number, keyId: Uint8Array): Uint8Array {
  return encodeCbor(
    new Map<CborValue, CborValue>([
      [HEADER.algorithm, algorithm],
      [HEADER.keyId, keyId],
      [
        HEADER.cwtClaims,
        new Map<CborValue, CborValue>([
          [CLAIM.issuer, claims.issuer],
          [CLAIM.subject, claims.origin],
          [CLAIM.issuedAt, claims.registrationTime],
          [CLAIM.treeSize, claims.treeHead.treeSize],
        ]),
      ],
      [HEADER.vds, VDS.rfc9162Sha256],
    ]),
  )
}

/** Signs `claims.treeHead` once. Call only for a head that is durable (D7). */
export async function signTreeHead(
  claims: TreeHeadClaims,
  signer: Signer,
): Promise<SignedTreeHead> {
  const { treeHead, registrationTime } = claims
  const keyId = signer.publicKey.kid ?? keyThumbprint(signer.publicKey)
  const protectedBytes = protectedHeader(claims, signer.algorithm, keyId)
  const signature = await signer.sign(sigStructure(protectedBytes, treeHead.rootHash))
  const bytes = encodeSign1({ protectedBytes, payload: null, signature })
  return { treeHead, registrationTime, bytes }
}

/** Everything that can be read from a signed head's bytes. */
export interface ParsedTreeHead extends SignedTreeHead {
  readonly issuer: string
  readonly origin: string
  readonly keyId: Uint8Array
}

/**
 * Parses a head; `rootHash` is needed when its payload is detached.
 * @throws InputError `ERR_CBOR_*`, `ERR_COSE_*` or `ERR_RECEIPT_MALFORMED`.
 * @throws VerificationError `ERR_ROOT_MISMATCH` when the attached root is not `rootHash`.
 */
export function parseSignedTreeHead(bytes: Uint8Array, rootHash?: RootHash): ParsedTreeHead {
  const { protectedBytes, protectedHeader: header, payload, signature } = parseSign1(bytes)
  const claims = header.get(HEADER.cwtClaims)
  const read = (label: number): CborValue =>
    claims instanceof Map ? (claims as CborMap).get(label) : undefined
  const [issuer, origin] = [read(CLAIM.issuer), read(CLAIM.subject)]
  const [time, size] = [read(CLAIM.issuedAt), read(CLAIM.treeSize)]
  const keyId = header.get(HEADER.keyId)
  const root = payload ?? rootHash
  if (
    typeof issuer !== 'string' ||
    typeof origin !== 'string' ||
    typeof time !== 'number' ||
    !Number.isSafeInteger(time) ||
    typeof size !== 'number' ||
    !(keyId instanceof Uint8Array) ||
    header.get(HEADER.vds) !== VDS.rfc9162Sha256
  ) {
    throw new InputError('ERR_RECEIPT_MALFORMED', 'not a signed tree head of an Attestry log')
  }
  if (root === undefined) {
    throw new InputError('ERR_RECEIPT_MALFORMED', 'the root of the head is detached and not given')
  }
  if (payload !== null && rootHash !== undefined && !equalBytes(payload, rootHash)) {
    throw new VerificationError('ERR_ROOT_MISMATCH', 'the head is attached to another root')
  }
  return {
    treeHead: { treeSize: treeSize(size), rootHash: parseHash(root) as unknown as RootHash },
    registrationTime: time,
    bytes: encodeSign1({ protectedBytes, payload: null, signature }),
    issuer,
    origin,
    keyId,
  }
}

export interface VerifyHeadRequest {
  readonly head: SignedTreeHead
  readonly key: PublicKey
  readonly verifier: SignatureVerifier
}

/**
 * Verifies the signature of a head over its root, and that its claims are the head's.
 * @throws VerificationError `ERR_RECEIPT_SIGNATURE` or `ERR_RECEIPT_CLAIMS`.
 */
export async function verifySignedTreeHead(request: VerifyHeadRequest): Promise<ParsedTreeHead> {
  const { head, key, verifier } = request
  const { rootHash } = head.treeHead
  const parsed = parseSignedTreeHead(head.bytes, rootHash)
  if (
    parsed.treeHead.treeSize !== head.treeHead.treeSize ||
    parsed.registrationTime !== head.registrationTime
  ) {
    throw new VerificationError('ERR_RECEIPT_CLAIMS', 'the signed size or time is not the head’s')
  }
  const message = parseSign1(parsed.bytes)
  await verifySign1({ message, key, payload: rootHash, verifier, failure: 'ERR_RECEIPT_SIGNATURE' })
  return parsed
}

/** The same head with its root attached, which stands alone: Sig_structure is the same either way. */
export function withAttachedRoot(head: SignedTreeHead): Uint8Array {
  const { protectedBytes, signature } = parseSign1(head.bytes)
  return encodeSign1({ protectedBytes, payload: head.treeHead.rootHash, signature })
}
