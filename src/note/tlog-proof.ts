/**
 * C2SP tlog-proof (`.tlog-proof` files): index, inclusion path and checkpoint with its cosignatures,
 * for verification offline. What the leaf is comes from elsewhere: our leaf rule hashes the canonical
 * statement (design D1). `extra` is carried and never trusted.
 */
import { encodeBase64 } from '../bytes/base64.ts'
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import type { LeafHash, NodeHash, RootHash } from '../merkle/hasher.ts'
import { verifyInclusion } from '../merkle/verify-inclusion.ts'
import { encodeCheckpoint, parseCheckpoint } from './checkpoint.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import type { Cosignature } from './cosignature.ts'
import {
  cutAtBlankLine,
  encodeHashLines,
  encodeWireDecimal,
  malformed,
  parseBase64,
  parseHashLines,
  parseWireDecimal,
} from './lines.ts'
import { verifyWitnessedCheckpoint } from './witnessed-checkpoint.ts'
import type { WitnessedVerification } from './witnessed-checkpoint.ts'

/** Media type and first line. */
export const TLOG_PROOF_FIRST_LINE = 'c2sp.org/tlog-proof@v1'
/** Most bytes of extra data. */
export const TLOG_PROOF_EXTRA_BYTES_MAX = 65_536
const HEADER_BYTES_MAX = 98_304

/** A proof as it is in a file; nothing in it is verified. */
export interface TlogProof {
  /** Unauthenticated, never empty. */
  readonly extra?: Uint8Array
  readonly leafIndex: bigint
  readonly inclusionPath: readonly NodeHash[]
  readonly checkpoint: SignedCheckpoint
}

/** Parses a proof file. @throws InputError `ERR_NOTE_MALFORMED`. */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  const { header, rest } = cutAtBlankLine(bytes, HEADER_BYTES_MAX, 'proof')
  const [first, ...lines] = header
  if (first !== TLOG_PROOF_FIRST_LINE) throw malformed(`proof is not ${TLOG_PROOF_FIRST_LINE}`)
  const extra = lines[0]?.startsWith('extra ') === true ? parseExtra(lines.shift()!) : undefined
  const index = lines.shift()
  if (index?.startsWith('index ') !== true) throw malformed('proof has no index line')
  return {
    ...(extra === undefined ? {} : { extra }),
    leafIndex: parseWireDecimal(index.slice('index '.length), 'leaf index'),
    inclusionPath: parseHashLines(lines),
    checkpoint: parseCheckpoint(rest),
  }
}

function parseExtra(line: string): Uint8Array {
  const extra = parseBase64(line.slice('extra '.length), 'extra data')
  if (extra.length === 0) throw malformed('extra data is left out when it is empty')
  return checkedExtra(extra)
}

function checkedExtra(extra: Uint8Array): Uint8Array {
  if (extra.length > TLOG_PROOF_EXTRA_BYTES_MAX) {
    throw malformed(`extra data is larger than ${TLOG_PROOF_EXTRA_BYTES_MAX} bytes`)
  }
  return extra
}

/** The parts of a proof file. */
export interface TlogProofParts {
  readonly extra?: Uint8Array
  readonly leafIndex: number | bigint
  readonly inclusionPath: readonly Uint8Array[]
  readonly checkpoint: SignedCheckpoint
}

/** Bytes of a proof file; empty extra data is left out. @throws InputError `ERR_NOTE_MALFORMED`. */
export function encodeTlogProof(proof: TlogProofParts): Uint8Array {
  const { extra } = proof
  const hasExtra = extra !== undefined && extra.length > 0
  const header =
    `${TLOG_PROOF_FIRST_LINE}\n` +
    (hasExtra ? `extra ${encodeBase64(checkedExtra(extra))}\n` : '') +
    `index ${encodeWireDecimal(proof.leafIndex, 'leaf index')}\n` +
    encodeHashLines(proof.inclusionPath)
  return concatBytes(encodeUtf8(`${header}\n`), encodeCheckpoint(proof.checkpoint))
}

/** A proof, the leaf it is about, and what it is held against. */
export interface TlogProofVerification extends Omit<WitnessedVerification, 'checkpoint'> {
  readonly proof: TlogProof
  readonly leafHash: LeafHash
}

/** What a proof showed. The checkpoint signs the size; the path then fixes the index. */
export interface ProvenInclusion {
  readonly origin: string
  readonly treeSize: bigint
  readonly rootHash: RootHash
  readonly leafIndex: bigint
  readonly cosignatures: readonly Cosignature[]
}

/**
 * Verifies in the order of the specification: origin and log signature, quorum of cosignatures,
 * inclusion.
 * @throws VerificationError `ERR_CHECKPOINT_ORIGIN`, `ERR_NOTE_SIGNATURE`, `ERR_ROOT_MISMATCH`,
 *   `ERR_QUORUM` or `ERR_RECEIPT_PROOF`.
 * @throws InputError `ERR_MERKLE_RANGE` for an index outside the tree.
 */
export async function verifyTlogProof({
  proof,
  leafHash,
  ...against
}: TlogProofVerification): Promise<ProvenInclusion> {
  const { checkpoint, leafIndex, inclusionPath } = proof
  const { origin, treeSize, rootHash } = checkpoint
  const cosignatures = await verifyWitnessedCheckpoint({ ...against, checkpoint })
  verifyInclusion({ leafHash, leafIndex, treeSize, inclusionPath, rootHash })
  return { origin, treeSize, rootHash, leafIndex, cosignatures }
}
