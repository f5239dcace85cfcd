/**
 * The ports of witnessing (C2SP tlog-witness, tlog-policy): what asks witnesses to cosign this log's
 * checkpoints, what it needs of the log for that, and where it keeps the last good one. Adapter:
 * `witness/`. Witnesses are asked beside the write path; no batch ever waits for one.
 */
import type { TreeSize } from '../bytes/integers.ts'
import type { NodeHash } from '../merkle/hasher.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import type { NoteSignature } from '../note/signed-note.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'

/** What witnesses said about the log's released heads. */
export interface LogWitnesses {
  /** The witnesses that are asked, and how many of them make a checkpoint good. */
  readonly policy: TlogPolicy

  /**
   * Cosignatures of the checkpoint of exactly this size, each verified; none for sizes that no
   * witness was asked about, and for older ones.
   */
  cosignaturesFor(treeSize: TreeSize): readonly NoteSignature[]

  /** The largest checkpoint that a quorum cosigned, with its cosignatures. */
  newestWitnessed(): SignedCheckpoint | undefined

  /**
   * Resolves once a quorum has cosigned a checkpoint of at least this size.
   * @throws UnavailableError `ERR_TIMEOUT` when the signal ends the wait.
   */
  whenWitnessed(treeSize: TreeSize, signal: AbortSignal): Promise<void>
}

/** The log as witnesses are told of it. Everything here is released. */
export interface WitnessedLog {
  readonly origin: string

  /** Size of the newest released head. */
  treeSize(): TreeSize

  /** Of a log of several nodes: looks at what the others released before a witness is called ahead. */
  look?(): Promise<void>

  /** The checkpoint of the newest released head, with the log's own signatures only. */
  checkpoint(): Promise<SignedCheckpoint>

  /** The released head of exactly this size. */
  headAt(treeSize: TreeSize): Promise<TreeHead | undefined>

  /** @throws NotFoundError `ERR_HEAD_UNKNOWN` unless both are sizes of released heads. */
  consistencyPath(treeSize1: TreeSize, treeSize2: TreeSize): Promise<readonly NodeHash[]>

  /** Whether the log's own key signed this checkpoint. @throws VerificationError unless it did. */
  verifyOwn(checkpoint: SignedCheckpoint): Promise<void>
}

/** Keeps the largest witnessed checkpoint across restarts. Losing it costs nothing but time. */
export interface WitnessedCheckpointStore {
  load(): Promise<Uint8Array | undefined>
  /** Replaces what was kept, durably and whole. */
  save(checkpoint: Uint8Array): Promise<void>
}
