/**
 * C2SP tlog-checkpoint: a log's tree head as a signed note of origin, tree size and root hash.
 * Extension lines are read and kept, because signatures cover them, and never emitted by
 * {@link signCheckpoint}. That successive checkpoints are consistent is the log's promise, checked
 * elsewhere; cosignatures are `cosignature.ts`.
 */
import { encodeBase64 } from '../bytes/base64.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { treeSize } from '../bytes/integers.ts'
import { assertInvariant, VerificationError } from '../errors.ts'
import { HASH_BYTES, portableHasher } from '../merkle/hasher.ts'
import type { RootHash } from '../merkle/hasher.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import {
  encodeWireDecimal,
  malformed,
  parseHashLine,
  parseWireDecimal,
  splitLines,
} from './lines.ts'
import { signNoteText } from './note-signer.ts'
import type { NoteSigner } from './note-signer.ts'
import { encodeSignedNote, parseSignedNote } from './signed-note.ts'
import type { NoteSignature, SignedNote } from './signed-note.ts'
import { verifyNote } from './verify-note.ts'
import type { VerifierKey } from './verifier-key.ts'

/** What the text of a checkpoint says. */
export interface Checkpoint {
  /** Identity of the log: any non-empty line, not necessarily like a URL. */
  readonly origin: string
  /** 0..2^63−1: foreign logs may be larger than ours ({@link treeHeadOf}). */
  readonly treeSize: bigint
  readonly rootHash: RootHash
  /** Opaque; none in a checkpoint of ours. */
  readonly extensionLines: readonly string[]
}

/** A checkpoint with the note that carried it; its signatures are not verified. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: SignedNote
}

/**
 * Parses a checkpoint. The root of an empty tree is not looked at: see {@link verifyEmptyRoot}.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 */
export function parseCheckpoint(bytes: Uint8Array): SignedCheckpoint {
  const note = parseSignedNote(bytes)
  return { ...parseCheckpointText(note.text), note }
}

/** Bytes of a checkpoint: its note, verbatim. @throws InputError `ERR_NOTE_MALFORMED`. */
export function encodeCheckpoint({ note }: SignedCheckpoint): Uint8Array {
  return encodeSignedNote(note)
}

/** What a note's text says as a checkpoint. @throws InputError `ERR_NOTE_MALFORMED`. */
export function parseCheckpointText(text: string): Checkpoint {
  const lines = splitLines(text, 'checkpoint')
  const [origin, size, root, ...extensionLines] = lines
  if (origin === undefined || size === undefined || root === undefined) {
    throw malformed('a checkpoint has at least three lines')
  }
  if (lines.includes('')) throw malformed('a checkpoint has no empty lines')
  return {
    origin,
    treeSize: parseWireDecimal(size, 'tree size'),
    rootHash: parseHashLine(root, 'root hash') as unknown as RootHash,
    extensionLines,
  }
}

/** The parts of a checkpoint's text. */
export interface CheckpointParts {
  readonly origin: string
  readonly treeSize: number | bigint
  readonly rootHash: RootHash
  readonly extensionLines?: readonly string[]
}

/** The text that is signed. @throws InputError `ERR_NOTE_MALFORMED` for parts that do not parse back. */
export function encodeCheckpointText(parts: CheckpointParts): string {
  const lines = [
    parts.origin,
    encodeWireDecimal(parts.treeSize, 'tree size'),
    encodeBase64(parts.rootHash),
    ...(parts.extensionLines ?? []),
  ]
  if (parts.rootHash.length !== HASH_BYTES) throw malformed('root hash is not 32 bytes long')
  if (lines.some((line) => line === '' || line.includes('\n'))) {
    throw malformed('a line of a checkpoint is empty or contains a newline')
  }
  return `${lines.join('\n')}\n`
}

/**
 * Signs a tree head of our own log, without extension lines. Several signers are a key in rotation.
 * The caller has made sure that the head is consistent with every earlier one.
 * @throws InputError `ERR_NOTE_MALFORMED` | `ERR_NOTE_KEY` for an origin that cannot be a key name.
 */
export async function signCheckpoint({
  origin,
  treeHead,
  signers,
}: {
  readonly origin: string
  readonly treeHead: TreeHead
  readonly signers: readonly NoteSigner[]
}): Promise<SignedCheckpoint> {
  const text = encodeCheckpointText({ origin, ...treeHead })
  const signatures: NoteSignature[] = []
  for (const signer of signers) {
    assertInvariant(signer.name === origin, 'a log signs under its origin')
    signatures.push(await signNoteText(text, signer))
  }
  return parseCheckpoint(encodeSignedNote({ text, signatures }))
}

/** A checkpoint and what it is held against. */
export interface CheckpointVerification {
  readonly checkpoint: SignedCheckpoint
  readonly origin: string
  /** The log's keys, type 0x01. */
  readonly keys: readonly VerifierKey[]
  readonly verifier: SignatureVerifier
}

/**
 * The keys of the log that signed this checkpoint of this origin.
 * @throws VerificationError `ERR_CHECKPOINT_ORIGIN`, `ERR_NOTE_SIGNATURE`, or `ERR_ROOT_MISMATCH` for
 *   an empty tree with another root than the empty one.
 * @throws InputError `ERR_NOTE_KEY`.
 */
export async function verifyCheckpoint({
  checkpoint,
  origin,
  keys,
  verifier,
}: CheckpointVerification): Promise<readonly VerifierKey[]> {
  if (checkpoint.origin !== origin) {
    throw new VerificationError(
      'ERR_CHECKPOINT_ORIGIN',
      `checkpoint is of ${JSON.stringify(checkpoint.origin)}, not of ${JSON.stringify(origin)}`,
    )
  }
  const signed = await verifyNote({ note: checkpoint.note, keys, verifier })
  verifyEmptyRoot(checkpoint)
  return signed
}

/**
 * Part of {@link verifyCheckpoint}, by itself for witnesses, who answer it last.
 * @throws VerificationError `ERR_ROOT_MISMATCH` for size 0 with another root than the empty tree's.
 */
export function verifyEmptyRoot(checkpoint: Checkpoint): void {
  if (checkpoint.treeSize !== 0n) return
  if (!equalBytes(checkpoint.rootHash, portableHasher.emptyRoot)) {
    throw new VerificationError('ERR_ROOT_MISMATCH', 'tree of size 0 has a root that is not empty')
  }
}

/**
 * The tree head that a checkpoint states.
 * @throws InputError `ERR_MERKLE_RANGE` for a tree of 2^53 leaves or more.
 */
export function treeHeadOf(checkpoint: Checkpoint): TreeHead {
  return { treeSize: treeSize(Number(checkpoint.treeSize)), rootHash: checkpoint.rootHash }
}

/**
 * The checkpoint with further signatures, cosignatures for example. One of the same name and key id
 * takes the place of the earlier one.
 * @throws InputError `ERR_NOTE_MALFORMED` when the note would have too many.
 */
export function withSignatures(
  checkpoint: SignedCheckpoint,
  signatures: readonly NoteSignature[],
): SignedCheckpoint {
  const all = new Map<string, NoteSignature>()
  for (const signature of [...checkpoint.note.signatures, ...signatures]) {
    all.set(`${signature.name}+${signature.keyId}`, signature)
  }
  const { text } = checkpoint.note
  return parseCheckpoint(encodeSignedNote({ text, signatures: [...all.values()] }))
}
