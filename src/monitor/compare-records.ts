/**
 * Records of the index held against the entries, block by block in the order of the log; what was
 * compared decides which look-ups are asked next (check-lookup.ts).
 */
import { encodeHex } from '../bytes/hex.ts'
import type { QueryParameters, StatementPage } from '../client/query-pages.ts'
import { UnavailableError } from '../errors.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { EntryFacts } from '../payload/entry-facts.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import { governanceOf } from '../policy/rules-in-force.ts'
import { AuditFault } from './audit-fault.ts'
import type { AuthenticatedTree } from './authenticated-tree.ts'
import { SubmitterComparison } from './compare-submitters.ts'
import { computeFacts, EntryReader, findDifference } from './index-facts.ts'
import type { FactsPorts, ReadEntry, RecordRow } from './index-facts.ts'
import { LookupSample } from './lookup-sample.ts'
import { EntryScanner } from './scan-entries.ts'
import type { Block } from './scan-entries.ts'

/** How far an index was compared, and the policy that the next entry is under. */
export interface IndexPosition {
  readonly treeSize: number
  readonly policyIndex?: number
}

export interface IndexAuditOptions extends FactsPorts {
  readonly tree: AuthenticatedTree
  readonly hasher: TreeHasher
  /** Where an earlier audit stopped. */
  readonly since?: IndexPosition
  /** Entries from here on are not compared. */
  readonly upTo: number
  /** Look-ups to ask; Infinity for all. */
  readonly lookups: number
  /** Decides which look-ups are asked. */
  readonly seed: string
  readonly onProgress?: (compared: number) => void
  readonly isCancelled?: () => boolean
}

/** Entries `from` and on, below `to`. */
export interface IndexRange {
  readonly from: number
  readonly to: number
}

/** Asks for everything that the tables have. */
const RECORDS: QueryParameters = { facts: '1' }

/** What the comparison of records leaves for that of look-ups. */
export class IndexAudit {
  readonly sample: LookupSample
  /** Entries about which the index cannot be contradicted. */
  readonly notComparable: Set<number> = new Set<number>()
  /** Hash envelopes: what is found of them changes when their content comes. */
  readonly envelopes: Set<number> = new Set<number>()
  records = 0
  isCut = false
  position: IndexPosition = { treeSize: 0 }
  readonly #options: IndexAuditOptions
  readonly #reader: EntryReader
  readonly #submitters: SubmitterComparison

  constructor(options: IndexAuditOptions) {
    const { lookups, seed, sha256 } = options
    this.#options = options
    this.sample = new LookupSample(lookups, seed, sha256)
    this.#reader = new EntryReader(sha256)
    this.#submitters = new SubmitterComparison({
      ...options,
      onKnown: (leafIndex, attributes) => this.sample.addAttributes(leafIndex, attributes),
    })
  }

  /** One page of an index that answered before. @throws UnavailableError `ERR_INDEX_OFF`. */
  async #ask(parameters: QueryParameters): Promise<StatementPage> {
    const page = await this.#options.source.lookUp(parameters)
    if (page !== undefined) return page
    throw new UnavailableError('ERR_INDEX_OFF', 'the index answers no more')
  }

  /** Where the next audit begins: who submitted is compared once a journal is about the entry. */
  get next(): IndexPosition {
    const { firstWaiting } = this.#submitters
    return firstWaiting === undefined ? this.position : this.#positionAt(firstWaiting)
  }

  /** Compares the records of [from, to), block by block. @throws AuditFault `index`. */
  async compareRecords(from: number, to: number): Promise<void> {
    await this.#restorePolicy(from)
    this.#moveTo(from)
    const scanner = new EntryScanner({ ...this.#options, from })
    await this.#compareBlocks(scanner, to)
    // Also after an audit that was cut: the next one begins behind what was compared.
    while (this.#submitters.isWaiting) {
      const block = await scanner.next()
      if (block === undefined) return
      await this.#readJournals(block)
    }
  }

  async #compareBlocks(scanner: EntryScanner, to: number): Promise<void> {
    while (this.position.treeSize < to) {
      this.isCut = this.#options.isCancelled?.() === true
      if (this.isCut) return
      const block = await scanner.next()
      if (block === undefined) return
      const end = Math.min(block.end, to)
      const rows = await this.#readRowsOrName(block, end)
      // It is being rebuilt, and reaches less far than it did.
      if (rows === undefined) return
      for (const entry of this.#readEntries(block, end)) await this.#compare(entry, rows)
      await this.#readJournals(block)
      this.#moveTo(end)
      this.#options.onProgress?.(end)
    }
  }

  async #readJournals({ entries }: Block): Promise<void> {
    for (const entry of entries) await this.#submitters.read(entry)
  }

  async #restorePolicy(from: number): Promise<void> {
    const { policyIndex } = this.#options.since ?? {}
    if (from === 0 || policyIndex === undefined) return
    const scanner = new EntryScanner({ ...this.#options, from: policyIndex })
    const entry = (await scanner.next())?.entries[0]
    if (entry !== undefined)
      this.#reader.read({ leafIndex: policyIndex, entry, registrationTime: 0 })
  }

  #moveTo(treeSize: number): void {
    this.position = this.#positionAt(treeSize)
  }

  #positionAt(treeSize: number): IndexPosition {
    const policyIndex = this.#reader.policyIndexAt(treeSize)
    return { treeSize, ...(policyIndex === undefined ? {} : { policyIndex }) }
  }

  /** Records of a block; where the tables cannot be read, the first entry that they fail on. */
  async #readRowsOrName(
    block: Block,
    end: number,
  ): Promise<ReadonlyMap<number, RecordRow> | undefined> {
    try {
      return await this.readRows(RECORDS, { from: block.start, to: end })
    } catch (error) {
      if (!isOff(error)) throw error
      // An index that is gone altogether is no fault of one entry.
      await this.#ask({ order: 'ascending', indexBelow: '0' })
      const reader = new EntryReader(this.#options.sha256)
      for (const { leafIndex, entryId } of this.#readEntries(block, end, reader)) {
        await this.#readRecord(leafIndex).catch((cause: unknown) => {
          if (!isOff(cause)) throw cause
          const message = `the index cannot read what it has of entry ${leafIndex}`
          throw new AuditFault('index', message, { leafIndex, entryId }, { cause })
        })
      }
      throw error
    }
  }

  /**
   * What a look-up finds in [from, to), by index; `undefined` when the index does not cover the range
   * any more.
   */
  async readRows(
    parameters: QueryParameters,
    { from, to }: IndexRange,
  ): Promise<ReadonlyMap<number, RecordRow> | undefined> {
    const rows = new Map<number, RecordRow>()
    const range = { indexFrom: String(from), indexBelow: String(to) }
    const asked = { ...parameters, ...range, order: 'ascending', limit: '1000' }
    for (let cursor: string | undefined; ;) {
      const page = await this.#ask(cursor === undefined ? asked : { ...asked, cursor })
      if (page.treeSize < to) return undefined
      for (const row of page.statements) rows.set(row.index, row)
      cursor = page.next
      if (cursor === undefined) return rows
    }
  }

  async #readRecord(leafIndex: number): Promise<ReadonlyMap<number, RecordRow> | undefined> {
    return this.readRows(RECORDS, { from: leafIndex, to: leafIndex + 1 })
  }

  *#readEntries(
    { start, entries, heads }: Block,
    end: number,
    reader = this.#reader,
  ): Generator<ReadEntry, void, undefined> {
    for (let leafIndex = start; leafIndex < end; leafIndex++) {
      const head = heads.find(({ treeSize }) => treeSize > leafIndex)
      const entry = entries[leafIndex - start]
      if (head === undefined || entry === undefined) return
      yield reader.read({ leafIndex, entry, registrationTime: head.registrationTime })
    }
  }

  async #compare(entry: ReadEntry, rows: ReadonlyMap<number, RecordRow>): Promise<void> {
    const { leafIndex, entryId, registrationTime } = entry
    const row = rows.get(leafIndex)
    if (row === undefined) throw hidden(entry)
    const facts = await computeFacts(entry, row, this.#options)
    const difference = findDifference(entry, row, facts)
    if (difference !== undefined) {
      const message = `the index is wrong about entry ${leafIndex}: it says ${difference}`
      throw new AuditFault('index', message, { leafIndex, entryId })
    }
    this.records += 1
    if (row.facts !== undefined && isJournaled(entry.policy)) {
      const isJournal =
        !(entry.statement instanceof Error) && governanceOf(entry.statement) === 'journal'
      this.#submitters.add({ leafIndex, entryId, isJournal }, row.facts)
    }
    if (entry.isEnvelope) this.envelopes.add(leafIndex)
    if (facts === undefined) this.notComparable.add(leafIndex)
    else this.sample.add(leafIndex, facts, registrationTime)
  }

  /** Whether a journal says who submitted an entry that was compared, or that nobody known did. */
  knowsSubmitter(leafIndex: number): boolean {
    const policy = this.#reader.policyAt(leafIndex)
    return isJournaled(policy) && !this.#submitters.isWaitingFor(leafIndex)
  }

  /** Id of an entry that was compared. */
  async entryIdOf(leafIndex: number): Promise<string> {
    const block = await new EntryScanner({ ...this.#options, from: leafIndex }).next()
    const [entry] = block?.entries ?? []
    return entry === undefined ? '' : encodeHex(this.#options.sha256(entry))
  }

  /**
   * What the index should have of an entry by now, when content of it may have come since it was
   * compared; `undefined` where that cannot be told.
   * @throws AuditFault `index` when the index lost the entry.
   */
  async factsNow(leafIndex: number): Promise<EntryFacts | undefined> {
    const block = await new EntryScanner({ ...this.#options, from: leafIndex }).next()
    const rows = await this.#readRecord(leafIndex)
    if (block === undefined || rows === undefined) return undefined
    const reader = new EntryReader(this.#options.sha256)
    const [entry] = this.#readEntries(block, leafIndex + 1, reader)
    const row = rows.get(leafIndex)
    if (entry === undefined) return undefined
    if (row === undefined) throw hidden(entry)
    return computeFacts({ ...entry, policy: this.#reader.policyAt(leafIndex) }, row, this.#options)
  }
}

/** Where nobody signs journals, nothing says who submitted. */
function isJournaled(policy: RegistrationPolicy | undefined): boolean {
  return (policy?.registrarKeys ?? []).length > 0
}

function isOff(error: unknown): boolean {
  return error instanceof UnavailableError && error.code === 'ERR_INDEX_OFF'
}

function hidden({ leafIndex, entryId }: ReadEntry): AuditFault {
  return new AuditFault('index', `the index hides entry ${leafIndex}`, { leafIndex, entryId })
}
