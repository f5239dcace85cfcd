/**
 * A journal in the making: heads are added in their order until it is full. Sizes are counted with
 * the longest form of each row, so that the signed statement always fits an entry (design D1).
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { EntryCollateral } from '../log/store.ts'
import { ENTRY_BYTES_MAX } from '../log/limits.ts'
import type {
  JournalCollateral,
  JournalTime,
  RegistrationJournal,
} from '../policy/registration-journal.ts'
import { digestName } from './collateral.ts'

/** Headers, signature, and the frame of the document; names of a log have 255 characters at most. */
const FRAME_BYTES = 4096
/** `[index,seconds],` and `[index,"sha256:…","submitter-claims"],` with 16 digits a number. */
const TIME_BYTES = 2 * 16 + 4
const COLLATERAL_BYTES = 16 + 73 + 18 + 5
const SUBMITTER_BYTES = 16 + 73 + 4
/** Collateral of one entry: one piece of each kind. */
const ENTRY_ROWS_BYTES = 4 * COLLATERAL_BYTES + SUBMITTER_BYTES

const JOURNAL_BYTES_MAX = ENTRY_BYTES_MAX - FRAME_BYTES

/** One batch: all entries up to `to` that are not in the draft yet were registered together. */
export interface JournalBatch {
  readonly to: number
  readonly registrationTime: UnixSeconds
  readonly collateral: readonly EntryCollateral[]
}

export class JournalDraft {
  readonly #from: number
  readonly #times: JournalTime[] = []
  readonly #collateral: JournalCollateral[] = []
  readonly #bytesMax: number
  #to: number
  #bytes = 0
  #isFull = false

  constructor(from: number, bytesMax: number = JOURNAL_BYTES_MAX) {
    this.#from = from
    this.#to = from
    this.#bytesMax = bytesMax
  }

  /** The first entry that is not covered yet. */
  get to(): number {
    return this.#to
  }

  /** True once nothing more may be added. */
  get isFull(): boolean {
    return this.#isFull
  }

  add({ to, registrationTime, collateral }: JournalBatch): void {
    const last = this.#times.at(-1)
    if (last?.registrationTime !== registrationTime) {
      this.#times.push({ leafIndex: this.#to, registrationTime })
      this.#bytes += TIME_BYTES
    }
    for (const { leafIndex, kind, digest } of collateral) {
      const isNext = this.#collateral.at(-1)?.leafIndex !== leafIndex
      // Cut between entries: what an entry was admitted with is never told in two journals.
      if (isNext && this.#bytes + ENTRY_ROWS_BYTES + TIME_BYTES > this.#bytesMax) {
        this.#isFull = true
        this.#to = leafIndex
        return
      }
      this.#collateral.push({ leafIndex, kind, digest: digestName(digest) })
      this.#bytes += COLLATERAL_BYTES + (kind === 'submitter-claims' ? SUBMITTER_BYTES : 0)
    }
    this.#to = to
    this.#isFull = this.#bytes + ENTRY_ROWS_BYTES + TIME_BYTES > this.#bytesMax
  }

  finish(): RegistrationJournal {
    const collateral = this.#collateral
    return {
      from: this.#from,
      to: this.#to,
      // A cut at the first entry of a batch leaves its time to the next journal.
      times: this.#times.filter(({ leafIndex }) => leafIndex < this.#to),
      collateral,
      submitters: collateral
        .filter(({ kind }) => kind === 'submitter-claims')
        .map(({ leafIndex, digest }) => ({ leafIndex, digest })),
    }
  }
}
