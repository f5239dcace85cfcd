/**
 * COSE Receipts (RFC 9942) for RFC 9162 trees (vds 1): parsing, assembling and verifying proofs of
 * inclusion and of consistency. `vds` is read from the protected header only. Tree size and leaf
 * index of a standard receipt are not signed; callers that need the size authenticated ask for our
 * claim (D2). What a receipt's issuer may claim is the business of verify/.
 */
import { concatBytes, equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { CborTag, decodeCbor, type CborMap, type CborValue } from '../cbor/decode.ts'
import { encodeByteString, encodeCbor, encodeHead } from '../cbor/encode.ts'
import { InputError, VerificationError } from '../errors.ts'
import { parseHash, portableHasher, type NodeHash, type RootHash } from '../merkle/hasher.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import { rootFromConsistency } from '../merkle/verify-consistency.ts'
import { rootFromInclusion } from '../merkle/verify-inclusion.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { CLAIM, HEADER, PROOF, VDS } from './labels.ts'
import type { PublicKey } from './public-key.ts'
import { parseSign1, verifySign1, type CoseSign1 } from './sign1.ts'

/** CWT claims of a receipt, as far as they concern us. */
export interface ReceiptClaims {
  readonly issuer?: string
  readonly subject?: string
  readonly issuedAt?: number
  readonly treeSize?: number | bigint
}

/** Proof of inclusion as on the wire: sizes are 64-bit. */
export interface WireInclusionProof {
  readonly treeSize: number | bigint
  readonly leafIndex: number | bigint
  readonly inclusionPath: readonly NodeHash[]
}

/** Proof of consistency as on the wire. */
export interface WireConsistencyProof {
  readonly treeSize1: number | bigint
  readonly treeSize2: number | bigint
  readonly consistencyPath: readonly NodeHash[]
}

/** A parsed receipt of any vds; for vds 1 the proofs are parsed, for others `proofs` stays raw. */
export interface Receipt {
  readonly bytes: Uint8Array
  readonly message: CoseSign1
  readonly vds: number
  readonly algorithm: CborValue
  readonly keyId?: Uint8Array
  readonly claims: ReceiptClaims
  readonly inclusionProofs: readonly WireInclusionProof[]
  readonly consistencyProofs: readonly WireConsistencyProof[]
  /** Content of label 396, undecoded below its map. */
  readonly proofs: CborMap
}

const HASHES_MAX = 64
const PROOFS_MAX = 16

function malformed(message: string): never {
  throw new InputError('ERR_RECEIPT_MALFORMED', message)
}

/**
 * Parses a receipt.
 * @throws InputError `ERR_CBOR_*`, `ERR_COSE_*` or `ERR_RECEIPT_MALFORMED`.
 */
export function parseReceipt(bytes: Uint8Array): Receipt {
  const message = parseSign1(bytes)
  const vds = message.protectedHeader.get(HEADER.vds)
  if (typeof vds !== 'number') malformed('vds (395) is missing from the protected header')
  const proofs = message.unprotectedHeader.get(HEADER.vdp)
  if (!(proofs instanceof Map)) malformed('vdp (396) is missing from the unprotected header')
  const keyId = message.protectedHeader.get(HEADER.keyId)
  if (keyId !== undefined && !(keyId instanceof Uint8Array)) malformed('kid is not a byte string')
  const isRfc9162 = vds === VDS.rfc9162Sha256
  return {
    bytes,
    message,
    vds,
    algorithm: message.protectedHeader.get(HEADER.algorithm),
    ...(keyId === undefined ? {} : { keyId }),
    claims: parseClaims(message.protectedHeader.get(HEADER.cwtClaims)),
    inclusionProofs: isRfc9162 ? encodedProofs(proofs, PROOF.inclusion).map(inclusion) : [],
    consistencyProofs: isRfc9162 ? encodedProofs(proofs, PROOF.consistency).map(consistency) : [],
    proofs,
  }
}

function parseClaims(claims: CborValue): ReceiptClaims {
  if (claims === undefined) return {}
  if (!(claims instanceof Map)) malformed('CWT claims (15) are not a map')
  const issuer = (claims as CborMap).get(CLAIM.issuer)
  const subject = (claims as CborMap).get(CLAIM.subject)
  let issuedAt = (claims as CborMap).get(CLAIM.issuedAt)
  if (issuedAt instanceof CborTag && issuedAt.tag === 1) issuedAt = issuedAt.value
  const size = (claims as CborMap).get(CLAIM.treeSize)
  return {
    ...(typeof issuer === 'string' ? { issuer } : {}),
    ...(typeof subject === 'string' ? { subject } : {}),
    ...(typeof issuedAt === 'number' ? { issuedAt } : {}),
    ...(isInteger(size) ? { treeSize: size } : {}),
  }
}

/** Label 396 holds arrays of byte strings, each the encoding of one proof (RFC 9942 §5.2.1). */
export function encodedProofs(proofs: CborMap, type: number): readonly Uint8Array[] {
  const list = proofs.get(type)
  if (list === undefined) return []
  if (!Array.isArray(list) || list.length === 0 || list.length > PROOFS_MAX) {
    malformed(`proofs are an array of 1 to ${PROOFS_MAX} byte strings`)
  }
  return (list as readonly CborValue[]).map((item) =>
    item instanceof Uint8Array ? item : malformed('a proof is not a byte string'),
  )
}

function inclusion(bytes: Uint8Array): WireInclusionProof {
  const [size, index, path] = triple(bytes)
  return { treeSize: unsigned(size), leafIndex: unsigned(index), inclusionPath: hashes(path) }
}

function consistency(bytes: Uint8Array): WireConsistencyProof {
  const [size1, size2, path] = triple(bytes)
  return { treeSize1: unsigned(size1), treeSize2: unsigned(size2), consistencyPath: hashes(path) }
}

function triple(bytes: Uint8Array): readonly CborValue[] {
  const value = decodeCbor(bytes)
  if (!Array.isArray(value) || value.length !== 3) malformed('a proof is an array of three')
  return value as readonly CborValue[]
}

/** A float is none: it has no BigInt to compare. */
function isInteger(value: CborValue): value is number | bigint {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
}

function unsigned(value: CborValue): number | bigint {
  return isInteger(value) && value >= 0
    ? value
    : malformed('a size or index is not an unsigned integer')
}

function hashes(value: CborValue): readonly NodeHash[] {
  if (!Array.isArray(value) || value.length > HASHES_MAX)
    malformed(`a path has 0 to ${HASHES_MAX} hashes`)
  return (value as readonly CborValue[]).map((item) =>
    item instanceof Uint8Array && item.length === 32
      ? parseHash(item)
      : malformed('a hash is not 32 bytes'),
  )
}

/** The two parts of a signed tree head that a receipt repeats. */
export interface ReceiptHead {
  readonly bytes: Uint8Array
}

/** Receipt of inclusion: the head's signature and the entry's own path (D2). Spliced, not re-signed. */
export function encodeInclusionReceipt(head: ReceiptHead, proof: InclusionProof): Uint8Array {
  return withProof(head, PROOF.inclusion, [
    encodeHead(UNSIGNED, proof.treeSize),
    encodeHead(UNSIGNED, proof.leafIndex),
    ...encodePath(proof.inclusionPath),
  ])
}

/** Receipt of consistency; `head` is the one at `treeSize2`. */
export function encodeConsistencyReceipt(head: ReceiptHead, proof: ConsistencyProof): Uint8Array {
  return withProof(head, PROOF.consistency, [
    encodeHead(UNSIGNED, proof.treeSize1),
    encodeHead(UNSIGNED, proof.treeSize2),
    ...encodePath(proof.consistencyPath),
  ])
}

const UNSIGNED = 0
const BYTE_STRING = 2
const ARRAY = 4
/** Tag 18 and an array of four. */
const MESSAGE_HEAD: Uint8Array = Uint8Array.of(0xd2, 0x84)
/** An array of three: the two integers and the path. */
const PROOF_HEAD: Uint8Array = Uint8Array.of(0x83)
const HASH_HEAD: Uint8Array = Uint8Array.of(0x58, 32)
const NIL: Uint8Array = Uint8Array.of(0xf6)

/** `{396: {type: [` up to the byte string of the proof. */
const VDP_HEADS: ReadonlyMap<number, Uint8Array> = new Map(
  [PROOF.inclusion, PROOF.consistency].map((type) => [
    type,
    concatBytes(
      Uint8Array.of(0xa1),
      encodeCbor(HEADER.vdp),
      Uint8Array.of(0xa1),
      encodeCbor(type),
      Uint8Array.of(0x81),
    ),
  ]),
)

function encodePath(path: readonly Uint8Array[]): Uint8Array[] {
  return [encodeHead(ARRAY, path.length), ...path.flatMap((hash) => [HASH_HEAD, hash])]
}

/** The encoded parts of a head that all its receipts share: a batch of a thousand has one head. */
const encodedHeads = new WeakMap<ReceiptHead, { start: Uint8Array; end: Uint8Array }>()

function encodedHead(head: ReceiptHead): { start: Uint8Array; end: Uint8Array } {
  const known = encodedHeads.get(head)
  if (known !== undefined) return known
  const { protectedBytes, signature } = parseSign1(head.bytes)
  const start = concatBytes(MESSAGE_HEAD, encodeByteString(protectedBytes))
  const encoded = { start, end: concatBytes(NIL, encodeByteString(signature)) }
  encodedHeads.set(head, encoded)
  return encoded
}

function withProof(head: ReceiptHead, type: number, proof: readonly Uint8Array[]): Uint8Array {
  const { start, end } = encodedHead(head)
  const length = proof.reduce((sum, part) => sum + part.length, PROOF_HEAD.length)
  return concatBytes(
    start,
    VDP_HEADS.get(type)!,
    encodeHead(BYTE_STRING, length),
    PROOF_HEAD,
    ...proof,
    end,
  )
}

/** How a service makes a leaf of an entry; pinned per service, never guessed (standards.md §7.1). */
export type LeafRule = 'entry' | 'entry-digest'

export interface VerifyInclusionRequest {
  readonly receipt: Receipt
  /** Canonical entry bytes (D1). */
  readonly entry: Uint8Array
  readonly key: PublicKey
  readonly leafRule: LeafRule
  /** Demand our claim that binds the tree size. */
  readonly requireTreeSizeClaim?: boolean
  readonly verifier: SignatureVerifier
}

/** What a verified receipt of inclusion shows. Index and size are as proven, not as signed. */
export interface VerifiedInclusion {
  readonly treeSize: number | bigint
  readonly leafIndex: number | bigint
  readonly rootHash: RootHash
}

/**
 * RFC 9942 §5.2.1: recompute the root from entry and path, then verify the signature over it.
 * @throws InputError `ERR_RECEIPT_VDS` or `ERR_RECEIPT_MALFORMED`.
 * @throws VerificationError `ERR_RECEIPT_PROOF`, `ERR_RECEIPT_CLAIMS` or `ERR_RECEIPT_SIGNATURE`.
 */
export async function verifyInclusionReceipt(
  request: VerifyInclusionRequest,
): Promise<VerifiedInclusion> {
  const { receipt, entry, leafRule } = request
  assertRfc9162(receipt)
  const [proof, ...others] = receipt.inclusionProofs
  if (proof === undefined) malformed('the receipt holds no proof of inclusion')
  const leafHash = portableHasher.leaf(leafRule === 'entry' ? entry : sha256(entry))
  const rootHash = rootFromInclusion({ ...proof, leafHash })
  for (const other of others) {
    if (!equalBytes(rootFromInclusion({ ...other, leafHash }), rootHash)) {
      throw new VerificationError(
        'ERR_RECEIPT_PROOF',
        'the proofs of the receipt lead to different roots',
      )
    }
  }
  if (request.requireTreeSizeClaim === true) assertTreeSizeClaim(receipt, proof.treeSize)
  await verifyRootSignature(receipt, rootHash, request)
  return { treeSize: proof.treeSize, leafIndex: proof.leafIndex, rootHash }
}

export interface VerifyConsistencyRequest {
  readonly receipt: Receipt
  /** Root at the smaller size, from an earlier verified receipt or head. */
  readonly rootHash1: RootHash
  readonly treeSize1: number | bigint
  readonly key: PublicKey
  readonly requireTreeSizeClaim?: boolean
  readonly verifier: SignatureVerifier
}

/**
 * RFC 9942 §5.3.1. Says nothing about the truth of `rootHash1`.
 * @throws InputError and VerificationError as {@link verifyInclusionReceipt}, and `ERR_CONSISTENCY`.
 */
export async function verifyConsistencyReceipt(
  request: VerifyConsistencyRequest,
): Promise<{ readonly treeSize: number | bigint; readonly rootHash: RootHash }> {
  const { receipt, rootHash1, treeSize1 } = request
  assertRfc9162(receipt)
  const proof = receipt.consistencyProofs[0]
  if (proof === undefined || receipt.consistencyProofs.length > 1) {
    malformed('expected one proof of consistency')
  }
  if (BigInt(proof.treeSize1) !== BigInt(treeSize1)) {
    throw new VerificationError(
      'ERR_CONSISTENCY',
      `the proof starts at size ${proof.treeSize1}, the known head has size ${treeSize1}`,
    )
  }
  const rootHash = rootFromConsistency({ ...proof, rootHash1 })
  if (request.requireTreeSizeClaim === true) assertTreeSizeClaim(receipt, proof.treeSize2)
  await verifyRootSignature(receipt, rootHash, request)
  return { treeSize: proof.treeSize2, rootHash }
}

function assertRfc9162(receipt: Receipt): void {
  if (receipt.vds !== VDS.rfc9162Sha256) {
    throw new InputError(
      'ERR_RECEIPT_VDS',
      `vds ${receipt.vds} where 1 (RFC9162_SHA256) is expected`,
    )
  }
}

function assertTreeSizeClaim(receipt: Receipt, size: number | bigint): void {
  const claimed = receipt.claims.treeSize
  if (claimed === undefined || BigInt(claimed) !== BigInt(size)) {
    throw new VerificationError(
      'ERR_RECEIPT_CLAIMS',
      `the signed tree size is ${claimed ?? 'absent'}, the proof is for size ${size}`,
    )
  }
}

async function verifyRootSignature(
  receipt: Receipt,
  rootHash: RootHash,
  { key, verifier }: { readonly key: PublicKey; readonly verifier: SignatureVerifier },
): Promise<void> {
  const { message } = receipt
  if (message.payload !== null && !equalBytes(message.payload, rootHash)) {
    throw new VerificationError(
      'ERR_ROOT_MISMATCH',
      'the attached payload is not the recomputed root',
    )
  }
  const detached = { ...message, payload: null }
  await verifySign1({
    message: detached,
    key,
    payload: rootHash,
    verifier,
    failure: 'ERR_RECEIPT_SIGNATURE',
  })
}
