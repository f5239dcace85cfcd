/**
 * A witness for other logs (C2SP tlog-witness): cosigns a checkpoint that extends the largest one it
 * cosigned for the origin, and nothing else. The checks stand in the order of the specification;
 * what each outcome is on the wire is the surface's. Leaves out `sign-subtree`.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { Clock } from '../log/clock.ts'
import type { WitnessRecord, WitnessRecords } from '../log/witness-records.ts'
import { verifyConsistency } from '../merkle/verify-consistency.ts'
import { encodeCheckpoint, verifyEmptyRoot, withSignatures } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import { signCosignature } from '../note/cosignature.ts'
import type { NoteSigner } from '../note/note-signer.ts'
import type { NoteSignature } from '../note/signed-note.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { matchKeys, verifyNote } from '../note/verify-note.ts'
import { parseAddCheckpointRequest } from '../note/witness-messages.ts'
import type { AddCheckpointRequest } from '../note/witness-messages.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'

/** The logs that a witness knows: keys of type 0x01 by origin. */
export type KnownLogs = ReadonlyMap<string, readonly VerifierKey[]>

/** What a witness is made of. */
export interface WitnessPorts {
  readonly logs: KnownLogs
  readonly records: WitnessRecords
  /** The witness's own key, which signs nothing else. */
  readonly signer: NoteSigner
  readonly clock: Clock
  readonly verifier: SignatureVerifier
}

/** Cosigned; or the request does not start from the size that this witness cosigned last. */
export type CosignAnswer =
  | { readonly kind: 'cosigned'; readonly signatures: readonly NoteSignature[] }
  | { readonly kind: 'conflict'; readonly treeSize: bigint }

/** Cosigning the same tree again moves the record at most this often: its time is for monitors. */
const RECORD_AGE_SECONDS_MAX = 60

/**
 * Answers one `add-checkpoint` request.
 * @throws InputError for a malformed request, or one whose old size is larger than its checkpoint.
 * @throws VerificationError `ERR_CHECKPOINT_ORIGIN` for a log that is not known, `ERR_NOTE_SIGNATURE`,
 *   `ERR_ROOT_MISMATCH` or `ERR_CONSISTENCY` for a tree that is not an extension.
 */
export async function cosignCheckpoint(
  body: Uint8Array,
  ports: WitnessPorts,
): Promise<CosignAnswer> {
  const request = parseAddCheckpointRequest(body)
  const { checkpoint, treeSize1 } = request
  await verifyLogSignature(checkpoint, ports)
  if (treeSize1 > checkpoint.treeSize) {
    throw new InputError('ERR_NOTE_MALFORMED', 'the old size is larger than the checkpoint')
  }
  for (;;) {
    const recorded = await ports.records.find(checkpoint.origin)
    const treeSize = recorded?.treeSize ?? 0n
    if (treeSize1 !== treeSize) return { kind: 'conflict', treeSize }
    verifyExtension(request, recorded)
    const signature = await persistAndSign(checkpoint, recorded, ports)
    if (signature !== undefined) return { kind: 'cosigned', signatures: [signature] }
    // Another request moved the record meanwhile. It only ever grows, so this ends: in a conflict,
    // or, where the other one was about the same tree, in a cosignature.
  }
}

/** The largest checkpoint cosigned for an origin, with its signatures. */
export async function readCosigned(
  origin: string,
  { records }: Pick<WitnessPorts, 'records'>,
): Promise<Uint8Array | undefined> {
  return (await records.find(origin))?.checkpoint
}

async function verifyLogSignature(
  { origin, note }: SignedCheckpoint,
  { logs, verifier }: WitnessPorts,
): Promise<void> {
  const keys = logs.get(origin)
  if (keys === undefined) {
    throw new VerificationError('ERR_CHECKPOINT_ORIGIN', 'this witness does not know the log')
  }
  await verifyNote({ note, keys, verifier })
}

function verifyExtension(
  { checkpoint, treeSize1, consistencyPath }: AddCheckpointRequest,
  recorded: WitnessRecord | undefined,
): void {
  verifyEmptyRoot(checkpoint)
  if (recorded === undefined || treeSize1 === 0n) {
    // Everything extends the empty tree, so a proof from it says nothing.
    if (consistencyPath.length === 0) return
    throw new VerificationError('ERR_CONSISTENCY', 'there is no proof from an empty tree')
  }
  verifyConsistency({
    treeSize1,
    treeSize2: checkpoint.treeSize,
    rootHash1: recorded.rootHash,
    rootHash2: checkpoint.rootHash,
    consistencyPath,
  })
}

/**
 * The cosignature, once the record that it stands on is durable; `undefined` when the record has
 * moved. It is computed before, so that record and cosignature are written as one, and it is dropped
 * when they are not: a crash at any point leaves a record that is at least what was ever answered.
 */
async function persistAndSign(
  checkpoint: SignedCheckpoint,
  recorded: WitnessRecord | undefined,
  { logs, records, signer, clock }: WitnessPorts,
): Promise<NoteSignature | undefined> {
  const { origin, treeSize, rootHash } = checkpoint
  const timestamp = clock.now()
  const signature = await signCosignature({ checkpoint, timestamp, signer })
  if (recorded !== undefined && isFresh(recorded, checkpoint, timestamp)) {
    // Nothing to write, so nothing compares: what is on record now decides.
    const now = await records.find(origin)
    return now?.treeSize === treeSize ? signature : undefined
  }
  const published = withSignatures(onlySignedBy(checkpoint, logs.get(origin) ?? []), [signature])
  const outcome = await records.advance(origin, recorded, {
    treeSize,
    rootHash,
    cosignedAt: timestamp,
    checkpoint: encodeCheckpoint(published),
  })
  return outcome === 'advanced' ? signature : undefined
}

/** The same tree, recorded a moment ago: nothing to write, whoever repeats the request how often. */
function isFresh(
  { treeSize, rootHash, cosignedAt }: WitnessRecord,
  checkpoint: SignedCheckpoint,
  now: UnixSeconds,
): boolean {
  const age = now - cosignedAt
  return (
    treeSize === checkpoint.treeSize &&
    equalBytes(rootHash, checkpoint.rootHash) &&
    age >= 0 &&
    age < RECORD_AGE_SECONDS_MAX
  )
}

/** The checkpoint without lines of unknown keys, which anybody could have appended. */
function onlySignedBy(
  checkpoint: SignedCheckpoint,
  keys: readonly VerifierKey[],
): SignedCheckpoint {
  const { text, signatures } = checkpoint.note
  const known = matchKeys(signatures, keys, 'ed25519').map(({ signature }) => signature)
  return { ...checkpoint, note: { text, signatures: known } }
}
