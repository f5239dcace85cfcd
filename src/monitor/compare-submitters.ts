/**
 * What the index says of submitters held against the journals, which alone say who submitted (design D5).
 * A journal comes after the entries that it is about, a minute at most: so long what the index said waits.
 */
import type { StatementFacts } from '../client/statement-row.ts'
import type { DescribedAttribute } from '../payload/description.ts'
import { parseRegistrationJournal } from '../policy/registration-journal.ts'
import type { JournalCollateral } from '../policy/registration-journal.ts'
import { KnownSubmitters } from '../policy/submitter-attributes.ts'
import { AuditFault } from './audit-fault.ts'
import { readCollateral } from './collateral.ts'
import type { CollateralPorts } from './collateral.ts'
import { findJournal } from './find-journal.ts'

/** An entry, and what the index says of its submitter. */
interface Said {
  readonly leafIndex: number
  readonly entryId: string
  readonly values: readonly string[]
  /** It needs no journal. */
  readonly isJournal: boolean
}

export interface SubmitterPorts extends CollateralPorts {
  /** Told what an entry can be looked up by. */
  readonly onKnown: (leafIndex: number, attributes: readonly DescribedAttribute[]) => void
}

const NOBODY: readonly DescribedAttribute[] = []

export class SubmitterComparison {
  readonly #ports: SubmitterPorts
  /** In the order of the log. */
  #waiting: Said[] = []
  readonly #known = new KnownSubmitters()

  constructor(ports: SubmitterPorts) {
    this.#ports = ports
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** The first entry that no journal is about, and one has to be. */
  get firstWaiting(): number | undefined {
    return this.#waiting.find(({ isJournal }) => !isJournal)?.leafIndex
  }

  /** No journal is about the entry yet. */
  isWaitingFor(leafIndex: number): boolean {
    return this.#waiting.some((said) => said.leafIndex === leafIndex)
  }

  /** Keeps what the index says of an entry until a journal is about it. */
  add(entry: Omit<Said, 'values'>, { attributes }: Pick<StatementFacts, 'attributes'>): void {
    const { leafIndex, entryId, isJournal } = entry
    const values = attributes.filter(isOfSubmitter).map(({ value }) => value)
    this.#waiting.push({ leafIndex, entryId, isJournal, values })
  }

  /**
   * Compares what an entry is about, if it is a journal. The replay has verified that.
   * @throws AuditFault `index`, or `collateral` for claims that are not served.
   */
  async read(entry: Uint8Array): Promise<void> {
    const payload = this.isWaiting ? findJournal(entry, this.#ports.sha256) : undefined
    if (payload === undefined) return
    const { to, collateral } = parseRegistrationJournal(payload)
    const pieces = new Map(
      collateral
        .filter(({ kind }) => kind === 'submitter-claims')
        .map((piece) => [piece.leafIndex, piece]),
    )
    const covered = this.#waiting.filter(({ leafIndex }) => leafIndex < to)
    this.#waiting = this.#waiting.slice(covered.length)
    for (const said of covered) await this.#compare(said, pieces.get(said.leafIndex))
  }

  async #compare(said: Said, piece: JournalCollateral | undefined): Promise<void> {
    const { leafIndex, entryId, values } = said
    const attributes =
      piece === undefined
        ? NOBODY
        : await this.#known.find(piece.digest, () => readCollateral(piece, this.#ports))
    const wanted = attributes.map(({ value }) => value)
    const missing = wanted.find((value) => !values.includes(value))
    const extra = values.find((value) => !wanted.includes(value))
    if (missing !== undefined || extra !== undefined) {
      const what = missing === undefined ? `submitter ${extra}` : `no submitter ${missing}`
      const message = `the index is wrong about entry ${leafIndex}: it says ${what}`
      throw new AuditFault('index', message, { leafIndex, entryId })
    }
    this.#ports.onKnown(leafIndex, attributes)
  }
}

/** Of whoever submitted the statement, and not in it. */
export function isOfSubmitter({ name }: DescribedAttribute): boolean {
  return name === 'submitter'
}
