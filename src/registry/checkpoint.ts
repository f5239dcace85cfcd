/**
 * The checkpoint of the log (C2SP tlog-checkpoint): a released head as a note, signed by the checkpoint
 * key, and by the outgoing one while it is being replaced. A head is signed once, on demand. With
 * witnesses, the largest head that a quorum of them cosigned is published, because on a busy log none
 * would ever have cosigned the very last one; should they be away, the current head follows at
 * intervals, so that the log stays readable. The published size never falls.
 */
import type { TreeSize, UnixSeconds } from '../bytes/integers.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import {
  encodeCheckpoint,
  signCheckpoint,
  treeHeadOf,
  verifyCheckpoint,
  withSignatures,
} from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import { verifierKeyOf } from '../note/note-signer.ts'
import type { RegistryPorts } from './ports.ts'

/** How long an unwitnessed head waits for its quorum before it is published without. */
export const WITNESS_PATIENCE_SECONDS = 15

export type CheckpointPorts = Pick<
  RegistryPorts,
  'log' | 'origin' | 'checkpointSigners' | 'verifier' | 'clock' | 'witnesses'
>

/** Signs and publishes checkpoints. */
export class Checkpoints {
  readonly #ports: CheckpointPorts
  // With witnesses only: what was published last, and since when the log is known to be ahead of it.
  #published: TreeHead | undefined
  #behindSince: UnixSeconds | undefined
  // The last head that was signed; readers that come meanwhile share one signature.
  #signed: { readonly treeSize: TreeSize; readonly note: Promise<SignedCheckpoint> } | undefined

  constructor(ports: CheckpointPorts) {
    this.#ports = ports
  }

  /** The published checkpoint, with the cosignatures that it has by now. */
  async publish(): Promise<SignedCheckpoint> {
    return this.#withCosignatures(this.#choose())
  }

  /** Bytes of {@link publish}. */
  async encode(): Promise<Uint8Array> {
    return encodeCheckpoint(await this.publish())
  }

  #choose(): TreeHead {
    const { log, witnesses, clock } = this.#ports
    const current = log.currentHead().treeHead
    if (witnesses === undefined) return current
    const newest = witnesses.newestWitnessed()
    const witnessed = newest && treeHeadOf(newest)
    const before = this.#published ?? witnessed ?? current
    if (witnessed !== undefined && witnessed.treeSize > before.treeSize) {
      return this.#move(witnessed)
    }
    if (current.treeSize <= before.treeSize) return this.#move(before)
    this.#published = before
    this.#behindSince ??= clock.now()
    const isWaiting = clock.now() - this.#behindSince < WITNESS_PATIENCE_SECONDS
    return isWaiting ? before : this.#move(current)
  }

  #move(treeHead: TreeHead): TreeHead {
    this.#behindSince = undefined
    this.#published = treeHead
    return treeHead
  }

  async #withCosignatures(treeHead: TreeHead): Promise<SignedCheckpoint> {
    const own = await this.#sign(treeHead)
    const cosignatures = this.#ports.witnesses?.cosignaturesFor(treeHead.treeSize) ?? []
    return cosignatures.length === 0 ? own : withSignatures(own, cosignatures)
  }

  #sign(treeHead: TreeHead): Promise<SignedCheckpoint> {
    const { treeSize } = treeHead
    if (this.#signed?.treeSize === treeSize) return this.#signed.note
    const note = signOwnCheckpoint(this.#ports, treeHead)
    const signed = { treeSize, note }
    this.#signed = signed
    // A signer that failed is asked again.
    note.catch(() => {
      if (this.#signed === signed) this.#signed = undefined
    })
    return note
  }
}

/**
 * Signs a released head with every checkpoint key, and verifies what the signers returned.
 * @throws VerificationError `ERR_NOTE_SIGNATURE` when a signer returns a wrong signature.
 */
export async function signOwnCheckpoint(
  {
    origin,
    checkpointSigners: signers,
    verifier,
  }: Pick<CheckpointPorts, 'origin' | 'checkpointSigners' | 'verifier'>,
  treeHead: TreeHead,
): Promise<SignedCheckpoint> {
  const checkpoint = await signCheckpoint({ origin, treeHead, signers })
  const keys = signers.map((signer) => verifierKeyOf(signer, 'ed25519'))
  await verifyCheckpoint({ checkpoint, origin, keys, verifier })
  return checkpoint
}
