/**
 * Asks the witnesses of a policy to cosign the log's checkpoints (C2SP tlog-witness, client side), on
 * a clock of its own: in rounds that are at least an interval apart, so that a busy log does not
 * flood its witnesses, and about nothing when nothing changed. A round asks all witnesses about one
 * checkpoint, because a quorum has to meet on one; it ends with the quorum, and a witness that is
 * still busy then is left out of the next ones.
 */
import { treeSize } from '../bytes/integers.ts'
import type { TreeSize } from '../bytes/integers.ts'
import { AttestryError, StartError } from '../errors.ts'
import type { LogWitnesses, WitnessedCheckpointStore } from '../log/witness.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import type { NoteSignature } from '../note/signed-note.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import { Cosignatures } from './cosignatures.ts'
import { WITNESS_LIMITS } from './limits.ts'
import type { WitnessLimits } from './limits.ts'
import { readWitnessed } from './read-witnessed.ts'
import { scheduleWitnesses } from './scheduled-witness.ts'
import type { ScheduledWitness } from './scheduled-witness.ts'
import type { LinkPorts } from './witness-link.ts'

/** For the operator: a witness that begins or stops to fail, each told once. */
export interface WitnessEvent {
  readonly level: 'info' | 'error'
  readonly event: string
  /** Which witness, which code, which message. */
  readonly [field: string]: unknown
}

export interface WitnessClientOptions extends Omit<LinkPorts, 'closed' | 'timeoutMs'> {
  readonly policy: TlogPolicy
  readonly store: WitnessedCheckpointStore
  readonly limits?: Partial<WitnessLimits>
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number
  /** 0 ≤ value < 1: spreads the retries of many logs. */
  readonly random: () => number
  /** Called once, with what must stop the log. */
  readonly onFatal: (error: StartError) => void
  readonly report: (event: WitnessEvent) => void
}

export class WitnessClient implements LogWitnesses {
  readonly policy: TlogPolicy
  readonly #options: WitnessClientOptions
  readonly #limits: WitnessLimits
  readonly #witnesses: readonly ScheduledWitness[]
  readonly #cosignatures: Cosignatures
  readonly #closing = new AbortController()
  #fatal: StartError | undefined
  #running: Promise<void> | undefined
  #wake: () => void = () => undefined

  /** @throws StartError `ERR_CONFIGURATION` for a policy without a witness that could be asked. */
  constructor(options: WitnessClientOptions) {
    const { policy, store, report } = options
    this.policy = policy
    this.#options = options
    this.#limits = { ...WITNESS_LIMITS, ...options.limits }
    const { timeoutMs } = this.#limits
    const ports: LinkPorts = { ...options, timeoutMs, closed: this.#closing.signal }
    this.#witnesses = scheduleWitnesses(policy, ports)
    this.#cosignatures = new Cosignatures(policy, store, (error) => {
      report({ level: 'error', event: 'witnessed-not-saved', message: (error as Error).message })
    })
  }

  cosignaturesFor(size: TreeSize): readonly NoteSignature[] {
    return this.#cosignatures.of(size)
  }

  newestWitnessed(): SignedCheckpoint | undefined {
    return this.#cosignatures.newestWitnessed
  }

  whenWitnessed(size: TreeSize, signal: AbortSignal): Promise<void> {
    return this.#cosignatures.whenWitnessed(size, signal)
  }

  /**
   * Restores what an earlier run had and asks every witness once, before anything is signed; then
   * goes on in the background. Witnesses that cannot be reached do not hinder the start.
   * @throws StartError `ERR_WITNESS_AHEAD` | `ERR_WITNESS_FORK`.
   */
  async start(): Promise<void> {
    await this.#restore()
    await this.round()
    if (this.#fatal !== undefined) throw this.#fatal
    this.#running = this.#run()
  }

  /** Ends all exchanges and waits for what is in flight. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake()
    await this.#running
  }

  /**
   * One round, until the quorum stands. Never rejects.
   * @param isPatient whether all answers are waited for where it stands already, on an earlier round or run.
   */
  async round(isPatient = true): Promise<void> {
    const { log, report } = this.#options
    if (this.#fatal !== undefined || this.#askable(BigInt(log.treeSize())).length === 0) return
    try {
      const checkpoint = await log.checkpoint()
      const asked = this.#askable(checkpoint.treeSize)
      const answers = Promise.all(asked.map((witness) => this.#ask(witness, checkpoint)))
      if (this.#cosignatures.isWitnessed(checkpoint.treeSize)) {
        if (isPatient) await answers
        return
      }
      const done = new AbortController()
      const { signal } = done
      const quorum = this.whenWitnessed(treeSize(Number(checkpoint.treeSize)), signal)
      await Promise.race([answers, quorum])
      quorum.catch(() => undefined)
      done.abort()
    } catch (error) {
      report({ level: 'error', event: 'witnessing-failed', message: (error as Error).message })
    }
  }

  /** Witnesses that have not cosigned this size, are not busy and are not to be left alone. */
  #askable(size: bigint): ScheduledWitness[] {
    const now = this.#options.monotonicMs()
    return this.#witnesses.filter(
      (witness) => witness.mayBeAsked(now) && !this.#cosignatures.has(size, witness.link.name),
    )
  }

  /** Never rejects: a witness's failure is its own. */
  async #ask(witness: ScheduledWitness, checkpoint: SignedCheckpoint): Promise<void> {
    const { link } = witness
    witness.isBusy = true
    try {
      const signatures = await link.cosign(checkpoint)
      await this.#cosignatures.add(checkpoint, link.name, signatures)
      if (witness.failures > 0) {
        this.#options.report({ level: 'info', event: 'witness-answers', witness: link.name })
      }
      witness.failures = 0
    } catch (error) {
      this.#fail(witness, error)
    } finally {
      witness.isBusy = false
    }
  }

  #fail(witness: ScheduledWitness, error: unknown): void {
    if (this.#closing.signal.aborted) return
    const { onFatal, report, monotonicMs, random } = this.#options
    if (error instanceof StartError) {
      if (this.#fatal !== undefined) return
      this.#fatal = error
      onFatal(error)
      return
    }
    if (witness.failures === 0) {
      const { message } = error as Error
      const code = error instanceof AttestryError ? (error as AttestryError).code : 'ERR_INVARIANT'
      report({ level: 'error', event: 'witness-failed', witness: witness.link.name, code, message })
    }
    witness.failed(monotonicMs(), random(), this.#limits)
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#pause(this.#limits.intervalMs)
      if (this.#closing.signal.aborted || this.#fatal !== undefined) return
      // What is registered meanwhile does not wait for a witness that nobody needs.
      await this.round(false)
    }
  }

  #pause(milliseconds: number): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #restore(): Promise<void> {
    try {
      const checkpoint = await readWitnessed(this.#options)
      if (checkpoint !== undefined) this.#cosignatures.restore(checkpoint)
    } catch (error) {
      if (error instanceof StartError) throw error
      const { message } = error as Error
      this.#options.report({ level: 'error', event: 'witnessed-not-restored', message })
    }
  }
}
