/**
 * When one of several nodes looks at what the others did (ADR 0030): when the store says that somebody
 * committed, each second in any case, and at once when its own batch came second or the outcome of
 * something is unknown. A head that stays unsigned for longer than its node needs is finished here;
 * a store or guard that cannot be reached is asked again, and nothing is signed meanwhile.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { UnavailableError } from '../errors.ts'
import type { UnavailableErrorCode } from '../errors.ts'
import { catchUp, finishPending } from './catch-up.ts'
import type { CaughtUp, NodePorts } from './catch-up.ts'
import { backOff, LookTimer } from './look-timer.ts'
import { Outages } from './outages.ts'
import type { TreeState } from './tree-state.ts'
import type { StoredHead, WakeUp } from './store.ts'

/** After this long another node's head is finished by whoever sees it. */
const FINISH_AFTER_MS = 250
/** A node that was asked for the turn waits this long for the other one's batch at most. */
const YIELD_MS = 50
/** From the first look to the next while a head is being signed elsewhere and clients wait; doubles. */
const PENDING_MS = { first: 1, max: 16 }
/** Likewise while store or guard cannot be reached. */
const UNREACHABLE_MS = { first: 20, max: 1000 }

interface Pending {
  readonly head: StoredHead
  /** Milliseconds of a monotonic clock when it was seen first. */
  readonly since: number
  looks: number
}

export class OtherNodes {
  readonly looks: LookTimer
  readonly #ports: NodePorts
  readonly #outages: Outages
  // The outcome of a commit of ours is unknown: the pending head may be ours, so nobody else is at it.
  #mayBeOurs = false
  // How often another node was faster since our last batch; and the most that one asked with.
  #losses = 0
  #askedWith = 0
  #pending: Pending | undefined
  #failures = 0
  // How often its own batch failed since the last one that did not, and how long to wait therefore.
  #stumbles = 0
  #restMs = 0
  #failure: UnavailableErrorCode | undefined
  #isClosed = false
  #unwatch: (() => void) | undefined
  #endYield: (() => void) | undefined

  /** @param onDue called when a look is due; the look itself is the caller's. */
  constructor(ports: NodePorts, onDue: () => void) {
    this.#ports = ports
    this.#outages = new Outages(ports.onReach)
    this.looks = new LookTimer(onDue)
  }

  /** Why nothing can be signed at present. */
  get failure(): UnavailableErrorCode | undefined {
    return this.#failure
  }

  start(): void {
    this.looks.start()
    this.#unwatch = this.#ports.store.watch?.((told) => this.#told(told))
  }

  /**
   * Whether the log survives this error of its write path: another node came first, or the outcome is
   * unknown. A look is due then.
   */
  survives(error: unknown): boolean {
    if (!(error instanceof UnavailableError)) return false
    if (error.code === 'ERR_HEAD_MOVED') {
      this.#ask()
    } else {
      this.#mayBeOurs = true
      this.#failure = error.code
      // A look may succeed where the batch did not: the first one finds out, later ones take turns.
      if (this.#stumbles > 0) this.#restMs = backOff(this.#stumbles, UNREACHABLE_MS)
      this.#stumbles += 1
    }
    this.looks.isDue = true
    return true
  }

  /** A batch of ours came first. */
  won(): void {
    this.#losses = 0
    this.#stumbles = 0
  }

  /**
   * Lets a node commit first that came second more often. Whoever has just committed knows the new head
   * before all others, and would come first for ever. True when that one did, and a look is due.
   */
  async yieldTurn(): Promise<boolean> {
    if (this.#askedWith <= this.#losses || this.#isClosed) return false
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, YIELD_MS)
      this.#endYield = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#endYield = undefined
    this.#askedWith = 0
    return this.looks.isDue
  }

  /**
   * Looks once. Undefined when store or guard cannot be reached, or another node moved in the middle.
   * @param isUrgent clients wait: it does not return before the next look or batch makes sense.
   * @throws as {@link catchUp}.
   */
  async look(state: TreeState, isUrgent: boolean): Promise<CaughtUp | undefined> {
    this.looks.began()
    const restMs = this.#restMs
    this.#restMs = 0
    if (isUrgent && restMs > 0) await this.looks.pause(restMs)
    try {
      const found = await this.#lookOnce(state)
      // Whoever signs now would be the first again.
      if (isUrgent && found?.pending !== undefined && this.#pending?.looks === 1) this.#ask()
      this.#failures = 0
      this.#failure = undefined
      this.#outages.ended()
      if (found?.pending === undefined) this.#mayBeOurs = false
      else await this.looks.again(isUrgent, this.#pending?.looks ?? 0, PENDING_MS)
      return found
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      this.#failure = error.code
      this.#outages.failed(error)
      await this.looks.again(isUrgent, this.#failures++, UNREACHABLE_MS)
      return undefined
    }
  }

  /**
   * The state that a start goes on from: what was committed and not signed is signed, unless others
   * are at work and do that themselves.
   * @throws as {@link catchUp}.
   */
  async settle(state: TreeState): Promise<TreeState> {
    for (;;) {
      const found = await this.#lookOnce(state)
      // Others are at work: what is not signed yet is theirs.
      if (found === undefined) return state
      if (found.state !== state || found.pending === undefined) return found.state
      await this.looks.pause(PENDING_MS.max)
    }
  }

  /** Ends all waiting; a look that is under way ends by itself. */
  close(): void {
    this.#isClosed = true
    this.#unwatch?.()
    this.looks.close()
    this.#endYield?.()
  }

  #ask(): void {
    this.#losses += 1
    this.#ports.store.askTurn?.(this.#losses)
  }

  #told(told: WakeUp): void {
    if (told.kind === 'turn-asked') {
      this.#askedWith = Math.max(this.#askedWith, told.losses)
      return
    }
    // Whoever asked before has had its turn, or asks again.
    this.#askedWith = 0
    // What this node committed it knows, and whoever it yields to has yet to come.
    if (told.isOwn === true) return
    if (this.#endYield === undefined) {
      this.looks.dueAfterNotice()
    } else {
      this.looks.isDue = true
      this.#endYield()
    }
  }

  async #lookOnce(state: TreeState): Promise<CaughtUp | undefined> {
    const found = await catchUp(this.#ports, state)
    const { pending } = found
    if (pending === undefined || !this.#isAbandoned(pending)) return found
    const finished = await finishPending(this.#ports, found, pending)
    this.looks.isDue ||= finished === undefined
    return finished ?? { ...found, pending: undefined }
  }

  #isAbandoned(head: StoredHead): boolean {
    const now = performance.now()
    const known = this.#pending?.head.treeHead
    const isKnown = known !== undefined && equalBytes(known.rootHash, head.treeHead.rootHash)
    if (!isKnown) this.#pending = { head, since: now, looks: 0 }
    const pending = this.#pending!
    pending.looks += 1
    return this.#mayBeOurs || now - pending.since >= FINISH_AFTER_MS
  }
}
