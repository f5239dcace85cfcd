/**
 * Scans entries (hashes them, compares them with tiles and heads) a little ahead of their replay, because
 * the journal that says what an entry was admitted with comes after it. Whether it came in time is judged
 * once the rules before it are known: only a policy that names a registrar asks for journals.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { AuditFault, earliest, faultOf } from './audit-fault.ts'
import { findCollateral, notServed } from './collateral.ts'
import { findJournal } from './find-journal.ts'
import type { JournalLedger, JournalPosition, JournalWait } from './journal-ledger.ts'
import type { PrunedContent } from './pruned-content.ts'
import type { RegistrarChange } from './replay-entries.ts'
import { EntryScanner } from './scan-entries.ts'
import type { Block, ScanOptions } from './scan-entries.ts'

/** Bytes of entries that wait for their journal in memory; beyond, bundles are read a second time. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024

export interface ScanAheadOptions extends ScanOptions {
  readonly sha256: Sha256
  readonly ledger: JournalLedger
  readonly pruned: PrunedContent
  /** Entries below it are decided, or being decided, with the journals that were read before. */
  readonly preparedTo: () => number
  readonly counts: { journals: number }
}

export interface ScannedBlock {
  /** Without entries where too many wait. */
  readonly block: Block
  readonly isHeld: boolean
  /** How far the journals up to the end of the block reach. */
  readonly journal: JournalPosition
}

export class ScanAhead {
  /** What is wrong ahead; it must not hide what is wrong before it. */
  fault: AuditFault | undefined
  /** First entry for which the policy in force named a registrar. */
  journalSince: number | undefined
  readonly #options: ScanAheadOptions
  readonly #scanner: EntryScanner
  readonly #scanned: ScannedBlock[] = []
  /** Journals whose lateness is judged once the rules before them are known. */
  #waits: JournalWait[] = []
  #waitingBytes = 0
  #isScanned = false

  constructor(options: ScanAheadOptions, journalSince: number | undefined) {
    this.#options = options
    this.#scanner = new EntryScanner(options)
    this.journalSince = journalSince
  }

  /** The next block to replay; `untilCovered`: with the journals that cover it read, where there are any. */
  async next(untilCovered: boolean): Promise<ScannedBlock | undefined> {
    if (this.#scanned.length === 0) await this.#scan()
    const [next] = this.#scanned
    if (next === undefined) return undefined
    if (untilCovered) await this.cover(next.block.end)
    this.#scanned.shift()
    this.#waitingBytes -= bytesOf(next.block)
    return next
  }

  /** Reads the journals that cover the entries below `end`, where there are any. */
  async cover(end: number): Promise<void> {
    const { ledger } = this.#options
    while (ledger.firstUncovered(end) !== undefined && (await this.#scan()));
  }

  /** A scanned block with its entries. @throws AuditFault `tile`. */
  async complete({ block, isHeld }: ScannedBlock): Promise<Block> {
    return isHeld ? block : this.#scanner.reread(block)
  }

  /** Judges the journals before `end`, each under the rules that it came under, and those that never came. */
  async judgeJournals(end: number, changes: readonly RegistrarChange[]): Promise<void> {
    const late = await faultOf(async () => {
      for (const { leafIndex, isNamed } of changes) {
        await this.#judgeBefore(leafIndex)
        // Nobody can sign what waits from here on, and until here somebody could.
        if (!isNamed) await this.#assertInTime(this.#waitUntil(leafIndex))
        this.journalSince = isNamed ? leafIndex + 1 : undefined
      }
      await this.#judgeBefore(end)
    })
    if (late === undefined) return
    this.fault = earliest(this.fault, late)
    this.#isScanned = true
  }

  async #judgeBefore(end: number): Promise<void> {
    const due = this.#waits.filter(({ by }) => by < end)
    this.#waits = this.#waits.filter(({ by }) => by >= end)
    for (const wait of due) await this.#assertInTime(wait)
  }

  /** What waits where no journal came before entry `by`, all of which were judged. */
  #waitUntil(by: number): JournalWait {
    const first = this.#waits[0]?.first ?? this.#options.ledger.firstUncovered(by) ?? by
    return { first, to: by, by }
  }

  /** Checks the tree to its end. @throws AuditFault for what is wrong ahead. */
  async finish(): Promise<void> {
    while (await this.#scan()) this.#scanned.length = 0
    if (this.fault !== undefined) throw this.fault
    // What no journal covers at the end of the log must not have waited too long either.
    const { treeSize: to } = this.#options.tree.head
    const first = this.#options.ledger.firstUncovered(to)
    if (first !== undefined) await this.#assertInTime({ first, to, by: to - 1 })
  }

  async #assertInTime(wait: JournalWait): Promise<void> {
    const { ledger } = this.#options
    if (this.journalSince !== undefined) await ledger.assertInTime(wait, this.journalSince)
  }

  /** Scans one block further; false when there is no more, or it is wrong. */
  async #scan(): Promise<boolean> {
    if (this.#isScanned) return false
    try {
      const block = await this.#scanner.next()
      if (block === undefined) {
        this.#isScanned = true
        return false
      }
      const isHeld = this.#waitingBytes < WAITING_BYTES_MAX
      const scanned = { block: isHeld ? block : { ...block, entries: [] }, isHeld }
      this.#waitingBytes += bytesOf(scanned.block)
      const fault = await faultOf(() => this.#readJournals(block))
      this.#scanned.push({ ...scanned, journal: this.#options.ledger.position })
      this.fault = fault
      this.#isScanned = fault !== undefined
      return true
    } catch (error) {
      if (!(error instanceof AuditFault)) throw error
      this.fault = error
      this.#isScanned = true
      return false
    }
  }

  async #readJournals({ start, entries }: Block): Promise<void> {
    const { sha256, ledger, pruned, preparedTo, counts } = this.#options
    const prepared = preparedTo()
    for (const [offset, entry] of entries.entries()) {
      const payload = findJournal(entry, sha256)
      if (payload === undefined) continue
      const { journal, wait } = await ledger.add(start + offset, payload)
      counts.journals += 1
      this.#waits.push(wait)
      // Entries that were replayed without it: it has to be there all the same.
      for (const piece of journal.collateral.filter(({ leafIndex }) => leafIndex < prepared)) {
        if ((await findCollateral(piece, this.#options)) !== undefined) continue
        if (piece.kind !== 'preimage') throw notServed(piece)
        pruned.add([{ leafIndex: piece.leafIndex, digest: piece.digest }])
      }
    }
  }
}

function bytesOf({ entries }: Block): number {
  return entries.reduce((sum, entry) => sum + entry.length, 0)
}
