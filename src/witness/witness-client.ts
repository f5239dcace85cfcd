/**
 * Asks the witnesses of a policy to cosign the log's checkpoints (C2SP tlog-witness, client side), on
 * a clock of its own: in rounds that are at least an interval apart, so that a busy log does not
 * flood its witnesses, and about nothing when nothing changed. A round asks all witnesses about one
 * checkpoint, because a quorum has to meet on one; it ends with the quorum, and a witness that is
 * still busy then is left out of the next ones.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { treeSize } from '../bytes/integers.ts'
import type { TreeSize } from '../bytes/integers.ts'
import { AttestryError, StartError } from '../errors.ts'
import type { LogWitnesses, WitnessedCheckpointStore } from '../log/witness.ts'
import { parseCheckpoint } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import { verifyCosignatures } from '../note/cosignature.ts'
import type { NoteSignature } from '../note/signed-note.ts'
import type { PolicyWitness, TlogPolicy } from '../note/tlog-policy.ts'
import { evaluateQuorum } from '../note/witnessed-checkpoint.ts'
import { Cosignatures } from './cosignatures.ts'
import { WitnessLink } from './witness-link.ts'
import type { LinkPorts } from './witness-link.ts'

/** Limits of witnessing. */
export interface WitnessLimits {
  /** Least time from the start of one round to the next: 43,200 rounds a day at the usual 2 s. */
  readonly intervalMs: number
  readonly timeoutMs: number
  /** A witness that keeps failing is asked this seldom in the end. */
  readonly backoffMsMax: number
}

export const WITNESS_LIMITS: WitnessLimits = {
  intervalMs: 2000,
  timeoutMs: 5000,
  backoffMsMax: 60_000,
}

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

/** One witness with what the schedule knows about it. */
interface Scheduled {
  readonly link: WitnessLink
  busy: boolean
  failures: number
  notBeforeMs: number
}

export class WitnessClient implements LogWitnesses {
  readonly policy: TlogPolicy
  readonly #options: WitnessClientOptions
  readonly #limits: WitnessLimits
  readonly #witnesses: readonly Scheduled[]
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
    this.#witnesses = reachable(policy).map((witness) => ({
      link: new WitnessLink(witness, ports),
      busy: false,
      failures: 0,
      notBeforeMs: 0,
    }))
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

  /** One round. Never rejects. */
  async round(): Promise<void> {
    const { log, report } = this.#options
    if (this.#fatal !== undefined || this.#askable(BigInt(log.treeSize())).length === 0) return
    try {
      const checkpoint = await log.checkpoint()
      const asked = this.#askable(checkpoint.treeSize)
      const answers = Promise.all(asked.map((witness) => this.#ask(witness, checkpoint)))
      if (this.#cosignatures.isWitnessed(checkpoint.treeSize)) {
        await answers
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
  #askable(size: bigint): Scheduled[] {
    const now = this.#options.monotonicMs()
    return this.#witnesses.filter(
      ({ link, busy, notBeforeMs }) =>
        !busy && notBeforeMs <= now && !this.#cosignatures.has(size, link.name),
    )
  }

  /** Never rejects: a witness's failure is its own. */
  async #ask(witness: Scheduled, checkpoint: SignedCheckpoint): Promise<void> {
    const { link } = witness
    witness.busy = true
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
      witness.busy = false
    }
  }

  #fail(witness: Scheduled, error: unknown): void {
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
    const { intervalMs, backoffMsMax } = this.#limits
    const backoff = Math.min(backoffMsMax, intervalMs * 2 ** Math.min(witness.failures, 30))
    witness.failures += 1
    witness.notBeforeMs = monotonicMs() + backoff * (0.5 + random() / 2)
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#pause(this.#limits.intervalMs)
      if (this.#closing.signal.aborted || this.#fatal !== undefined) return
      await this.round()
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

  /** What is on disk is only believed if it verifies and is of a head of this log. */
  async #restore(): Promise<void> {
    const { log, store, verifier, report } = this.#options
    try {
      const bytes = await store.load()
      if (bytes === undefined) return
      const checkpoint = parseCheckpoint(bytes)
      await log.verifyOwn(checkpoint)
      if (checkpoint.treeSize > log.treeSize()) throw behindOwn(checkpoint, log.treeSize())
      const keys = this.policy.witnesses.map(({ key }) => key)
      const cosigned = await verifyCosignatures({ checkpoint, keys, verifier })
      const head = await log.headAt(treeSize(Number(checkpoint.treeSize)))
      const isOurs = head !== undefined && equalBytes(head.rootHash, checkpoint.rootHash)
      const names = this.policy.witnesses.filter(({ key }) => cosigned.some((by) => by.key === key))
      const quorum = evaluateQuorum(this.policy, new Set(names.map(({ name }) => name)))
      if (isOurs && quorum.kind === 'met') this.#cosignatures.restore(checkpoint)
    } catch (error) {
      if (error instanceof StartError) throw error
      const { message } = error as Error
      report({ level: 'error', event: 'witnessed-not-restored', message })
    }
  }
}

function behindOwn({ origin, treeSize: size }: SignedCheckpoint, held: number): StartError {
  return new StartError(
    'ERR_WITNESS_AHEAD',
    `witnesses have cosigned ${size} entries of ${origin}, and this copy of the log has ${held}: ` +
      'it is an older copy. Find the newest one and serve that',
  )
}

function reachable(policy: TlogPolicy): (PolicyWitness & { readonly url: string })[] {
  const found = policy.witnesses.flatMap((witness) => {
    const { url } = witness
    return url === undefined ? [] : [{ ...witness, url: checkedUrl(witness.name, url) }]
  })
  if (found.length > 0) return found
  throw new StartError('ERR_CONFIGURATION', 'the witness policy has no witness with a URL to ask')
}

function checkedUrl(name: string, url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url
  throw new StartError('ERR_CONFIGURATION', `the URL of the witness ${name} is not http(s): ${url}`)
}
