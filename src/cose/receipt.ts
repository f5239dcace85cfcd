/**
 * COSE Receipts (RFC 9942), parsed: of any vds, and for RFC 9162 trees (vds 1) down to the proofs of
 * inclusion and of consistency. `vds` is read from the protected header only. `encode-receipt.ts`
 * assembles them, `verify-receipt.ts` verifies them.
 */
import { CborTag, decodeCbor, type CborMap, type CborValue } from '../cbor/decode.ts'
import { InputError } from '../errors.ts'
import { parseHash, type NodeHash } from '../merkle/hasher.ts'
import { CLAIM, HEADER, PROOF, VDS } from './labels.ts'
import { parseSign1, type CoseSign1 } from './parse-sign1.ts'

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
