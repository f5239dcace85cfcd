/**
 * Fills the index from the log (design D9): reads entries in order, describes them, and hands them on
 * in transactions that also say how far they reach, so that it goes on exactly there, however it
 * ended. It never reads at or above the size that it was told is released. Content of hash envelopes
 * that is stored later replaces what was indexed without it.
 */
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import { assertInvariant, InputError } from '../errors.ts'
import { ENVELOPES_MAX } from '../log/index-store.ts'
import type { IndexRecord, IndexWriter } from '../log/index-store.ts'
import type { LogStore } from '../log/store.ts'
import { parsePayloadName } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { EvidencePorts } from './evidence-source.ts'
import { PolicyHistory } from './policy-history.ts'
import { recordEntry } from './record-entry.ts'
import { SubmitterReader } from './submitters.ts'

/** Entries, and bytes of entries and preimages, of one transaction. */
const ENTRIES_MAX = 1000
const BYTES_MAX = 8 * 1024 * 1024

export interface FollowerPorts extends EvidencePorts {
  readonly log: EvidencePorts['log'] & Pick<LogStore, 'listBatchHeads' | 'listGovernance'>
  readonly index: IndexWriter
  /** Content of a hash envelope, where it is at hand. */
  readonly readPreimage: (name: PayloadName) => Promise<Uint8Array | undefined>
  /** Verifies evidence again, where the policy of its time had it verified. */
  readonly verifier: SignatureVerifier
}

export interface FollowerOptions extends FollowerPorts {
  readonly entriesMax?: number
  /** Called after every transaction, with the size that is indexed now. */
  readonly onProgress?: (treeSize: TreeSize) => void
}

export class Follower {
  readonly #options: FollowerOptions
  readonly #policies: PolicyHistory
  readonly #submitters: SubmitterReader
  #indexed: number
  #released = 0
  /** Digests of hash envelopes whose content came, and where their entries go on. */
  readonly #stored = new Map<string, number>()
  #isStopping = false

  private constructor(options: FollowerOptions, policies: PolicyHistory, indexed: number) {
    this.#options = options
    this.#policies = policies
    this.#submitters = new SubmitterReader(options.log)
    this.#indexed = indexed
  }

  /** Goes on where the index ends. */
  static async open(options: FollowerOptions): Promise<Follower> {
    const { treeSize } = await options.index.readState()
    return new Follower(options, new PolicyHistory(options.log), treeSize)
  }

  /** Entries below this may be indexed. */
  release(treeSize: number): void {
    this.#released = Math.max(this.#released, treeSize)
  }

  /** Content of hash envelopes is at hand now. */
  payloadStored(digest: string): void {
    this.#stored.set(digest, 0)
  }

  /** Ends `run` after the transaction that is under way. */
  stop(): void {
    this.#isStopping = true
  }

  /**
   * Indexes everything that is released, then what waits for content; gives way to other work of this
   * thread between transactions.
   */
  async run(): Promise<void> {
    while (!this.#isStopping && ((await this.#append()) || (await this.#replace()))) {
      await new Promise(setImmediate)
    }
  }

  /** Looks for content that was stored while nobody followed. */
  async recheckPreimages(): Promise<void> {
    const { index } = this.#options
    let digests = await index.listAbsentPreimages(ENVELOPES_MAX)
    while (digests.length > 0 && !this.#isStopping) {
      for (const digest of digests) {
        if (await this.#isAtHand(digest)) this.payloadStored(digest)
      }
      await this.run()
      digests = await index.listAbsentPreimages(ENVELOPES_MAX, digests.at(-1))
    }
  }

  async #isAtHand(digest: string): Promise<boolean> {
    try {
      return (await this.#options.readPreimage(parsePayloadName(digest))) !== undefined
    } catch (error) {
      // A digest of a wrong length names no content.
      if (error instanceof InputError) return false
      throw error
    }
  }

  /** One transaction of new entries. False when there are none. */
  async #append(): Promise<boolean> {
    const { index, entriesMax = ENTRIES_MAX, onProgress } = this.#options
    const count = Math.min(entriesMax, this.#released - this.#indexed)
    if (count <= 0) return false
    const { records } = await this.#readRecords(this.#indexed, count)
    await index.append(records)
    this.#indexed += records.length
    onProgress?.(this.#indexed as TreeSize)
    return true
  }

  /** One transaction of entries whose content came. False when there are none. */
  async #replace(): Promise<boolean> {
    const [next] = this.#stored
    if (next === undefined) return false
    const [digest, from] = next
    const { index, entriesMax = ENTRIES_MAX } = this.#options
    const found = await index.findEnvelopes(digest, from)
    const records: IndexRecord[] = []
    let bytes = 0
    for (const leafIndex of found.slice(0, entriesMax)) {
      const read = await this.#readRecords(leafIndex, 1)
      records.push(...read.records)
      bytes += read.bytes
      if (bytes >= BYTES_MAX) break
    }
    if (records.length > 0) await index.replace(records)
    const last = records.at(-1)?.leafIndex
    if (last === undefined) this.#stored.delete(digest)
    else this.#stored.set(digest, last + 1)
    return true
  }

  /** Records from `start` on: at least one, and fewer than `count` where they are large. */
  async #readRecords(
    start: number,
    count: number,
  ): Promise<{ readonly records: readonly IndexRecord[]; readonly bytes: number }> {
    const { log } = this.#options
    await this.#policies.refresh()
    const entries = await log.readEntries(start as LeafIndex, count)
    const heads = await log.listBatchHeads(start, entries.length)
    const submitters = await this.#submitters.read(start, start + entries.length)
    const records: IndexRecord[] = []
    let [bytes, head] = [0, 0]
    for (const { leafIndex, entry } of entries) {
      assertInvariant(leafIndex === start + records.length, `entry ${leafIndex} leaves a gap`)
      while ((heads[head]?.treeHead.treeSize ?? Infinity) <= leafIndex) head++
      const { registrationTime } = heads[head] ?? {}
      assertInvariant(registrationTime !== undefined, `entry ${leafIndex} is in no head`)
      const policy = await this.#policies.at(leafIndex)
      const submitter = submitters.get(leafIndex)
      const stored = { leafIndex, entry, registrationTime, submitter }
      const { record, bytesRead } = await recordEntry(stored, policy, this.#options)
      records.push(record)
      bytes += bytesRead
      if (bytes >= BYTES_MAX) break
    }
    assertInvariant(records.length > 0, `entry ${start} is not stored`)
    return { records, bytes }
  }
}
