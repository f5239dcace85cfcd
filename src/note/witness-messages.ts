/**
 * Messages of C2SP tlog-witness: the body of `add-checkpoint`, the size of a 409 answer, and the
 * cosignature lines of a 200 answer. Form only: statuses, their order and what is persisted are the
 * witness's business, so a request may be parsed whose proof is wrong. Leaves out `sign-subtree`.
 */
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { VerificationError } from '../errors.ts'
import type { NodeHash } from '../merkle/hasher.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { encodeCheckpoint, parseCheckpoint } from './checkpoint.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { verifyCosignatures } from './cosignature.ts'
import type { Cosignature } from './cosignature.ts'
import {
  cutAtBlankLine,
  encodeHashLines,
  encodeText,
  encodeWireDecimal,
  malformed,
  parseHashLines,
  parseText,
  parseWireDecimal,
} from './lines.ts'
import { encodeSignatureLine, NOTE_SIGNATURES_MAX, parseSignatureLines } from './signed-note.ts'
import type { NoteSignature } from './signed-note.ts'

/** Largest request that we read: 63 hashes and 16 post-quantum signatures fit in. */
export const ADD_CHECKPOINT_BYTES_MAX = 131_072
/** Content-Type of the body of a 409 answer. */
export const TREE_SIZE_MEDIA_TYPE = 'text/x.tlog.size'

const HEADER_BYTES_MAX = 4096
const TREE_SIZE_BYTES_MAX = 20

/** A request to cosign a checkpoint. */
export interface AddCheckpointRequest {
  /** Size of the checkpoint that the witness cosigned last, 0 for none or unknown. */
  readonly treeSize1: bigint
  /** From `treeSize1` to the checkpoint. */
  readonly consistencyPath: readonly NodeHash[]
  readonly checkpoint: SignedCheckpoint
}

/** Parses the body of `add-checkpoint`. @throws InputError `ERR_NOTE_MALFORMED`. */
export function parseAddCheckpointRequest(bytes: Uint8Array): AddCheckpointRequest {
  if (bytes.length > ADD_CHECKPOINT_BYTES_MAX) {
    throw malformed(`request is larger than ${ADD_CHECKPOINT_BYTES_MAX} bytes`)
  }
  const { header, rest } = cutAtBlankLine(bytes, HEADER_BYTES_MAX, 'request')
  const [old, ...hashes] = header
  if (old?.startsWith('old ') !== true) throw malformed('request has no old size line')
  return {
    treeSize1: parseWireDecimal(old.slice('old '.length), 'old size'),
    consistencyPath: parseHashLines(hashes),
    checkpoint: parseCheckpoint(rest),
  }
}

/** The body of `add-checkpoint`. @throws InputError `ERR_NOTE_MALFORMED`. */
export function encodeAddCheckpointRequest({
  treeSize1,
  consistencyPath,
  checkpoint,
}: {
  readonly treeSize1: number | bigint
  readonly consistencyPath: readonly Uint8Array[]
  readonly checkpoint: SignedCheckpoint
}): Uint8Array {
  const old = encodeWireDecimal(treeSize1, 'old size')
  const header = `old ${old}\n${encodeHashLines(consistencyPath)}\n`
  return concatBytes(encodeUtf8(header), encodeCheckpoint(checkpoint))
}

/** The size in the body of a 409 answer. @throws InputError `ERR_NOTE_MALFORMED`. */
export function parseTreeSizeConflict(bytes: Uint8Array): bigint {
  const text = parseText(bytes, TREE_SIZE_BYTES_MAX, 'tree size')
  if (!text.endsWith('\n')) throw malformed('tree size does not end in a newline')
  return parseWireDecimal(text.slice(0, -1), 'tree size')
}

/** The body of a 409 answer. @throws InputError `ERR_NOTE_MALFORMED`. */
export function encodeTreeSizeConflict(treeSize: number | bigint): Uint8Array {
  return encodeUtf8(`${encodeWireDecimal(treeSize, 'tree size')}\n`)
}

/** The body of a 200 answer: at least one line. @throws InputError `ERR_NOTE_MALFORMED`. */
export function encodeCosignatureLines(signatures: readonly NoteSignature[]): Uint8Array {
  if (signatures.length === 0 || signatures.length > NOTE_SIGNATURES_MAX) {
    throw malformed(`an answer has 1 to ${NOTE_SIGNATURES_MAX} signatures`)
  }
  return encodeText(signatures.map(encodeSignatureLine).join(''))
}

/**
 * The cosignatures in a 200 answer that verify on the checkpoint under the witness's pinned keys.
 * Lines of unknown keys are dropped.
 * @throws InputError `ERR_NOTE_MALFORMED` for another body.
 * @throws VerificationError `ERR_NOTE_SIGNATURE` when a pinned key's cosignature fails, has no time
 *   or one after `notAfter`, or there is none at all.
 */
export async function verifyWitnessAnswer({
  answer,
  checkpoint,
  ...against
}: {
  readonly answer: Uint8Array
  readonly checkpoint: SignedCheckpoint
  readonly keys: Parameters<typeof verifyCosignatures>[0]['keys']
  readonly verifier: SignatureVerifier
  readonly notAfter?: UnixSeconds
}): Promise<readonly Cosignature[]> {
  const { text } = checkpoint.note
  // Only what was answered: the checkpoint may carry older cosignatures of the same witness.
  const answered = { ...checkpoint, note: { text, signatures: parseSignatureLines(answer) } }
  const cosignatures = await verifyCosignatures({ ...against, checkpoint: answered })
  if (cosignatures.length === 0) {
    throw new VerificationError(
      'ERR_NOTE_SIGNATURE',
      'the answer has no cosignature of the witness',
    )
  }
  if (cosignatures.some(({ timestamp }) => timestamp === 0)) {
    throw new VerificationError('ERR_NOTE_SIGNATURE', 'the cosignature has no time')
  }
  return cosignatures
}
