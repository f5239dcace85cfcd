/**
 * The registration journals of a log in their order (design D5), each compared with the signed heads
 * when it is met: its range follows the last one, every entry has the time of the first head that
 * covers it, and it came in time. What a journal says about collateral is kept until the entries
 * have been replayed.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import { parseRegistrationJournal } from '../policy/registration-journal.ts'
import type { JournalCollateral, RegistrationJournal } from '../policy/registration-journal.ts'
import { AuditFault } from './audit-fault.ts'
import type { SignedHeads } from './signed-heads.ts'

/**
 * Longest time that an entry may wait for its journal while the log is at work. A log promises a
 * minute (D5); pauses of the log, during which it can append nothing, count as a minute at most.
 */
const WAITING_SECONDS_MAX = 300
const PAUSE_SECONDS = 60

/** How far the journals reach; all that has to be remembered between audits. */
export interface JournalPosition {
  /** The first entry that no journal covers. */
  readonly next: number
  /** Journals from `next` on: they need none. */
  readonly journals: readonly number[]
}

/** Entries [first, to) waited until the head that covers entry `by`. */
export interface JournalWait {
  readonly first: number
  readonly to: number
  readonly by: number
}

export interface AddedJournal {
  readonly journal: RegistrationJournal
  readonly wait: JournalWait
}

export const NO_JOURNALS: JournalPosition = { next: 0, journals: [] }

export class JournalLedger {
  readonly #heads: SignedHeads
  #next: number
  #journals: number[]
  #held: RegistrationJournal[] = []

  constructor(heads: SignedHeads, position: JournalPosition) {
    this.#heads = heads
    this.#next = position.next
    this.#journals = [...position.journals]
  }

  get position(): JournalPosition {
    return { next: this.#next, journals: this.#journals }
  }

  isCovered(leafIndex: number): boolean {
    return leafIndex < this.#next || this.#journals.includes(leafIndex)
  }

  /** The first entry below `end` that waits for a journal. */
  firstUncovered(end: number): number | undefined {
    for (let index = this.#next; index < end; index++) {
      if (!this.#journals.includes(index)) return index
    }
    return undefined
  }

  /** What the journals say an entry was admitted with. */
  collateralOf(leafIndex: number): readonly JournalCollateral[] {
    const journal = this.#held.find(({ from, to }) => from <= leafIndex && leafIndex < to)
    return journal?.collateral.filter((piece) => piece.leafIndex === leafIndex) ?? []
  }

  /** Forgets what is about entries below `leafIndex`. */
  release(leafIndex: number): void {
    this.#held = this.#held.filter(({ to }) => to > leafIndex)
  }

  /**
   * Takes the journal in entry `leafIndex`.
   * @returns what it says, and since when its range waited for it.
   * @throws AuditFault `journal`.
   */
  async add(leafIndex: number, payload: Uint8Array): Promise<AddedJournal> {
    const journal = parse(leafIndex, payload)
    const { from, to } = journal
    const uncovered = this.firstUncovered(to)
    if (to > leafIndex || from < this.#next || (uncovered !== undefined && uncovered < from)) {
      throw new AuditFault(
        'journal',
        `the journal in entry ${leafIndex} covers ${from} to ${to - 1}; ` +
          `the next one has to begin at ${this.#next} and end before itself`,
        { leafIndex },
      )
    }
    assertSubmitters(leafIndex, journal)
    await this.#compareTimes(leafIndex, journal)
    this.#next = to
    this.#journals = [...this.#journals.filter((index) => index >= to), leafIndex]
    this.#held.push(journal)
    return { journal, wait: { first: uncovered ?? to, to, by: leafIndex } }
  }

  /**
   * Checks that the first entry of a range did not wait too long.
   * @param since first entry for which the policy had a registrar: only from there on it counts.
   * @throws AuditFault `journal`.
   */
  async assertInTime({ first: uncovered, to, by }: JournalWait, since: number): Promise<void> {
    const first = Math.max(uncovered, since)
    if (first >= to) return
    let waited = 0
    let before: UnixSeconds | undefined
    for (const { registrationTime } of await this.#heads.spanning(first, by + 1)) {
      waited += Math.min(registrationTime - (before ?? registrationTime), PAUSE_SECONDS)
      before = registrationTime
    }
    if (waited <= WAITING_SECONDS_MAX) return
    throw new AuditFault(
      'journal',
      `entry ${first} waited more than ${WAITING_SECONDS_MAX} seconds for its journal`,
      { leafIndex: first },
    )
  }

  async #compareTimes(leafIndex: number, journal: RegistrationJournal): Promise<void> {
    let start = journal.from
    for (const head of await this.#heads.spanning(journal.from, journal.to)) {
      const end = Math.min(head.treeSize, journal.to)
      for (let index = start; index < end; index++) {
        const stated = timeOf(journal, index)
        if (stated === head.registrationTime || this.#journals.includes(index)) continue
        throw new AuditFault(
          'journal',
          `the journal in entry ${leafIndex} says that entry ${index} was registered at ${stated}; ` +
            `the first head that covers it is of ${head.registrationTime}`,
          { leafIndex: index },
        )
      }
      start = end
    }
  }
}

function parse(leafIndex: number, payload: Uint8Array): RegistrationJournal {
  try {
    return parseRegistrationJournal(payload)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new AuditFault(
      'journal',
      `entry ${leafIndex}: ${cause.message}`,
      { leafIndex },
      { cause },
    )
  }
}

/** The time of the last run that begins at or before `index`. */
function timeOf({ times }: RegistrationJournal, index: number): UnixSeconds {
  let low = 0
  for (let high = times.length; high - low > 1;) {
    const middle = Math.floor((low + high) / 2)
    if (times[middle]!.leafIndex <= index) low = middle
    else high = middle
  }
  return times[low]!.registrationTime
}

/** A submitter is named twice, as such and as collateral; the two have to be the same. */
function assertSubmitters(journalIndex: number, journal: RegistrationJournal): void {
  const key = (row: { leafIndex: number; digest: string }): string =>
    `${row.leafIndex} ${row.digest}`
  const claims = journal.collateral.filter(({ kind }) => kind === 'submitter-claims')
  const named = new Set(journal.submitters.map(key))
  const kept = new Set(claims.map(key))
  const odd =
    journal.submitters.find((row) => !kept.has(key(row))) ??
    claims.find((row) => !named.has(key(row)))
  if (odd === undefined) return
  throw new AuditFault(
    'journal',
    `the journal in entry ${journalIndex} names a submitter of entry ${odd.leafIndex} ` +
      'that is not among the collateral of the entry',
    { leafIndex: odd.leafIndex },
  )
}
