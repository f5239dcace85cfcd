/**
 * What witnesses said so far: cosignatures by tree size for the latest sizes, and the largest
 * checkpoint that made the quorum. Only verified cosignatures get here.
 */
import { UnavailableError } from '../errors.ts'
import type { WitnessedCheckpointStore } from '../log/witness.ts'
import { encodeCheckpoint, withSignatures } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import type { NoteSignature } from '../note/signed-note.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import { matchKeys } from '../note/verify-note.ts'
import { evaluateQuorum } from '../note/witnessed-checkpoint.ts'

/** Sizes whose cosignatures are kept: a slow witness may answer some rounds later. */
const SIZES_MAX = 16

interface Cosigned {
  readonly checkpoint: SignedCheckpoint
  readonly byWitness: Map<string, readonly NoteSignature[]>
}

interface Waiter {
  readonly treeSize: number
  readonly resolve: () => void
}

function givenUp(signal: AbortSignal): UnavailableError {
  return new UnavailableError('ERR_TIMEOUT', 'no quorum of witnesses cosigned in time', {
    cause: signal.reason,
  })
}

export class Cosignatures {
  readonly #policy: TlogPolicy
  readonly #store: WitnessedCheckpointStore
  readonly #onSaveFailure: (error: unknown) => void
  readonly #bySize = new Map<bigint, Cosigned>()
  #newest: SignedCheckpoint | undefined
  readonly #waiters = new Set<Waiter>()
  // One save after the other: each takes what is newest by then.
  #saving: Promise<void> = Promise.resolve()

  constructor(
    policy: TlogPolicy,
    store: WitnessedCheckpointStore,
    onSaveFailure: (error: unknown) => void,
  ) {
    this.#policy = policy
    this.#store = store
    this.#onSaveFailure = onSaveFailure
  }

  get newestWitnessed(): SignedCheckpoint | undefined {
    return this.#newest
  }

  /** A checkpoint of an earlier run; the caller has verified its quorum. */
  restore(checkpoint: SignedCheckpoint): void {
    this.#newest = checkpoint
  }

  of(treeSize: number): readonly NoteSignature[] {
    const cosigned = this.#bySize.get(BigInt(treeSize))
    if (cosigned !== undefined) return [...cosigned.byWitness.values()].flat()
    // After a restart nothing else is known of it.
    const newest = this.#newest
    if (newest?.treeSize !== BigInt(treeSize)) return []
    const keys = this.#policy.witnesses.map(({ key }) => key)
    return matchKeys(newest.note.signatures, keys, 'cosignature/v1').map(
      ({ signature }) => signature,
    )
  }

  has(treeSize: bigint, witness: string): boolean {
    return this.#bySize.get(treeSize)?.byWitness.has(witness) === true
  }

  /** Whether the quorum stands on the checkpoint of this size. */
  isWitnessed(treeSize: bigint): boolean {
    return this.#newest !== undefined && this.#newest.treeSize >= treeSize
  }

  /**
   * Resolves once the quorum stands on this size or a larger one.
   * @throws UnavailableError `ERR_TIMEOUT` when the signal ends the wait.
   */
  whenWitnessed(treeSize: number, signal: AbortSignal): Promise<void> {
    if (this.isWitnessed(BigInt(treeSize))) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiter = { treeSize, resolve }
      this.#waiters.add(waiter)
      // Who has given up is forgotten: witnesses may be away for days.
      const giveUp = (): void => {
        this.#waiters.delete(waiter)
        reject(givenUp(signal))
      }
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** Adds the answer of one witness; resolves when what it changed is published. */
  async add(
    checkpoint: SignedCheckpoint,
    witness: string,
    signatures: readonly NoteSignature[],
  ): Promise<void> {
    if (signatures.length === 0) return
    const cosigned = this.#cosignedOf(checkpoint)
    cosigned.byWitness.set(witness, signatures)
    const cosigners = new Set(cosigned.byWitness.keys())
    if (evaluateQuorum(this.#policy, cosigners).kind === 'not-met') return
    const witnessed = withSignatures(checkpoint, [...cosigned.byWitness.values()].flat())
    this.#saving = this.#saving.then(() => this.#publish(witnessed))
    await this.#saving
  }

  #cosignedOf(checkpoint: SignedCheckpoint): Cosigned {
    const known = this.#bySize.get(checkpoint.treeSize)
    if (known !== undefined) return known
    const cosigned = { checkpoint, byWitness: new Map() }
    this.#bySize.set(checkpoint.treeSize, cosigned)
    const sizes = [...this.#bySize.keys()]
    if (sizes.length > SIZES_MAX) this.#bySize.delete(sizes[0]!)
    return cosigned
  }

  /** Saved first, so that a restart never serves a smaller witnessed tree than before. */
  async #publish(witnessed: SignedCheckpoint): Promise<void> {
    if (this.#newest !== undefined && this.#newest.treeSize > witnessed.treeSize) return
    try {
      await this.#store.save(encodeCheckpoint(witnessed))
    } catch (error) {
      this.#onSaveFailure(error)
    }
    this.#newest = witnessed
    for (const waiter of this.#waiters) {
      if (waiter.treeSize > witnessed.treeSize) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }
}
