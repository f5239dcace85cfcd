/**
 * Receipts of CCF ledgers (vds 2, draft-ietf-scitt-receipts-ccf-profile): verification only. The
 * leaf is SHA-256(transaction hash ‖ SHA-256(evidence) ‖ data hash) and the data hash must be that
 * of the entry, which the draft's pseudocode leaves out and without which nothing is proven.
 */
import { concatBytes, encodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { decodeCbor, type CborMap, type CborValue } from '../cbor/decode.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { PROOF, VDS } from './labels.ts'
import type { PublicKey } from './public-key.ts'
import { encodedProofs, type Receipt } from './receipt.ts'
import { verifySign1 } from './sign1.ts'

const EVIDENCE_LENGTH_MAX = 1024
const PATH_LENGTH_MAX = 64

interface CcfProof {
  readonly transactionHash: Uint8Array
  readonly evidence: string
  readonly dataHash: Uint8Array
  readonly path: readonly { readonly left: boolean; readonly hash: Uint8Array }[]
}

function malformed(message: string): never {
  throw new InputError('ERR_RECEIPT_MALFORMED', `CCF proof: ${message}`)
}

function hash32(value: CborValue): Uint8Array {
  return value instanceof Uint8Array && value.length === 32
    ? value
    : malformed('a hash is not 32 bytes')
}

function parseProof(bytes: Uint8Array): CcfProof {
  const value = decodeCbor(bytes)
  if (!(value instanceof Map)) malformed('not a map')
  const leaf = (value as CborMap).get(1)
  const path = (value as CborMap).get(2)
  if (!Array.isArray(leaf) || leaf.length !== 3) malformed('the leaf is not an array of three')
  const [transactionHash, evidence, dataHash] = leaf as readonly CborValue[]
  if (
    typeof evidence !== 'string' ||
    evidence.length < 1 ||
    evidence.length > EVIDENCE_LENGTH_MAX
  ) {
    malformed('the commit evidence is not a text of 1 to 1024 characters')
  }
  if (!Array.isArray(path) || path.length < 1 || path.length > PATH_LENGTH_MAX) {
    malformed('the path is not an array of 1 to 64 steps')
  }
  return {
    transactionHash: hash32(transactionHash),
    evidence,
    dataHash: hash32(dataHash),
    path: (path as readonly CborValue[]).map(parseStep),
  }
}

function parseStep(step: CborValue): { left: boolean; hash: Uint8Array } {
  if (!Array.isArray(step) || step.length !== 2 || typeof step[0] !== 'boolean') {
    malformed('a step is [left, hash]')
  }
  return { left: step[0], hash: hash32(step[1] as CborValue) }
}

function rootOf(proof: CcfProof): Uint8Array {
  const evidenceHash = sha256(encodeUtf8(proof.evidence))
  let hash = sha256(concatBytes(proof.transactionHash, evidenceHash, proof.dataHash))
  for (const step of proof.path) {
    hash = sha256(step.left ? concatBytes(step.hash, hash) : concatBytes(hash, step.hash))
  }
  return hash
}

export interface VerifyCcfRequest {
  readonly receipt: Receipt
  readonly entry: Uint8Array
  readonly key: PublicKey
  readonly verifier: SignatureVerifier
}

/**
 * Verifies a CCF receipt about `entry`; the root is the only thing that it shows.
 * @throws InputError `ERR_RECEIPT_VDS` or `ERR_RECEIPT_MALFORMED`.
 * @throws VerificationError `ERR_RECEIPT_PROOF` or `ERR_RECEIPT_SIGNATURE`.
 */
export async function verifyCcfReceipt(
  request: VerifyCcfRequest,
): Promise<{ readonly rootHash: Uint8Array }> {
  const { receipt, entry, key, verifier } = request
  if (receipt.vds !== VDS.ccf) {
    throw new InputError('ERR_RECEIPT_VDS', `vds ${receipt.vds} where 2 (CCF) is expected`)
  }
  if (receipt.message.payload !== null) malformed('the payload must be detached')
  const proofs = encodedProofs(receipt.proofs, PROOF.inclusion).map(parseProof)
  const [proof, ...others] = proofs
  if (proof === undefined) malformed('there is none')
  const entryHash = sha256(entry)
  const rootHash = rootOf(proof)
  for (const each of [proof, ...others]) {
    if (!equalBytes(each.dataHash, entryHash)) {
      throw new VerificationError('ERR_RECEIPT_PROOF', 'the receipt is about another statement')
    }
    if (!equalBytes(rootOf(each), rootHash)) {
      throw new VerificationError(
        'ERR_RECEIPT_PROOF',
        'the proofs of the receipt lead to different roots',
      )
    }
  }
  const { message } = receipt
  await verifySign1({ message, key, payload: rootHash, verifier, failure: 'ERR_RECEIPT_SIGNATURE' })
  return { rootHash }
}
