/**
 * Verifies COSE Receipts (RFC 9942) of RFC 9162 trees: the root is recomputed from the entry and the
 * path, or from the earlier root, and the signature is verified over it. Tree size and leaf index of a
 * standard receipt are not signed; callers that need the size authenticated ask for our claim (D2).
 * What a receipt's issuer may claim is the business of verify/.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { InputError, VerificationError } from '../errors.ts'
import { portableHasher, type RootHash } from '../merkle/hasher.ts'
import { rootFromConsistency } from '../merkle/verify-consistency.ts'
import { rootFromInclusion } from '../merkle/verify-inclusion.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { VDS } from './labels.ts'
import type { PublicKey } from './public-key.ts'
import type { Receipt } from './receipt.ts'
import { verifySign1 } from './sign1.ts'

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
  if (proof === undefined) throw malformed('the receipt holds no proof of inclusion')
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
    throw malformed('expected one proof of consistency')
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

function malformed(message: string): InputError {
  return new InputError('ERR_RECEIPT_MALFORMED', message)
}
