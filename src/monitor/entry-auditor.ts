/**
 * The loop of an audit: entries are scanned a little ahead (scan-ahead.ts), replayed block by block, and
 * a block counts once its decisions are made and what is served for it was checked. What is found ahead
 * never hides what is wrong before it.
 */
import type { Sha256 } from '../bytes/digest.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { earliest, faultOf } from './audit-fault.ts'
import type { AuditFault } from './audit-fault.ts'
import { firstState } from './audit-state.ts'
import type { AuditState, LogPin } from './audit-state.ts'
import type { AuthenticatedTree } from './authenticated-tree.ts'
import type { RegisteredCollateral } from './evidence-references.ts'
import { findNextRules } from './find-next-rules.ts'
import { JournalLedger } from './journal-ledger.ts'
import type { LogSource } from './log-source.ts'
import { PrunedContent } from './pruned-content.ts'
import type { UnreplayedEntry } from './pruned-content.ts'
import { EntryReplayer } from './replay-entries.ts'
import type { PreparedBlock } from './replay-entries.ts'
import { hasRegistrar, RulesHistory } from './rules-history.ts'
import { ScanAhead } from './scan-ahead.ts'
import type { ScannedBlock } from './scan-ahead.ts'
import type { Block } from './scan-entries.ts'
import { checkServedEvidence, checkServedHead } from './served-evidence.ts'
import type { SignedHeads } from './signed-heads.ts'

/** Blocks whose signatures are being verified while the next one is read. */
const BLOCKS_IN_FLIGHT = 3
/** Receipts and statements asked for at a time. */
const EVIDENCE_IN_FLIGHT = 16

export interface EntryAuditorOptions {
  readonly source: LogSource
  readonly tree: AuthenticatedTree
  readonly heads: SignedHeads
  readonly pin: LogPin
  readonly verifier: SignatureVerifier
  readonly bundles?: BundleVerifier
  readonly hasher: TreeHasher
  readonly sha256: Sha256
  readonly isSampled: (leafIndex: number) => boolean
}

interface BlockInFlight extends ScannedBlock {
  readonly prepared: PreparedBlock
  readonly evidence: Promise<AuditFault | undefined>
  readonly journalSince: number | undefined
}

export class EntryAuditor {
  readonly counts = { entries: 0, heads: 0, journals: 0, receipts: 0 }
  /** The first entry about which nothing can be said until a journal covers it. */
  waitingFrom: number | undefined
  state: AuditState
  readonly #options: EntryAuditorOptions
  readonly #ahead: ScanAhead
  readonly #ledger: JournalLedger
  readonly #replayer: EntryReplayer
  readonly #pruned: PrunedContent
  #rules: RulesHistory
  /** Blocks below it were prepared with the journals that were read by then. */
  #preparedTo: number
  #registered: readonly RegisteredCollateral[]

  constructor(options: EntryAuditorOptions, state?: AuditState) {
    const { pin, heads, hasher, sha256, source } = options
    this.#options = options
    this.state = { ...(state ?? firstState(hasher)), pin }
    this.#rules = RulesHistory.from(this.state.rules, sha256)
    this.#registered = this.state.registered ?? []
    this.#pruned = new PrunedContent(this.state.unreplayed ?? [], sha256)
    this.#ledger = new JournalLedger(heads, this.state.journal)
    this.#preparedTo = this.state.replayed.treeSize
    const preparedTo = (): number => this.#preparedTo
    const met = { ledger: this.#ledger, pruned: this.#pruned, counts: this.counts }
    const scan = { ...options, ...met, from: preparedTo(), preparedTo }
    this.#ahead = new ScanAhead(scan, this.state.journalSince)
    this.#replayer = new EntryReplayer({
      ...options,
      ...{ issuer: pin.issuer, origin: pin.origin, ledger: this.#ledger },
      ...{ checkpointKeys: pin.checkpointKeys, treeSize: options.tree.head.treeSize },
      findNextRules: (after, rules) =>
        findNextRules({ source, sha256, after, rules, tree: options.tree.head }),
    })
  }

  /** Entries that are not replayable, also of a block that the state has not moved over. */
  get unreplayed(): readonly UnreplayedEntry[] {
    return this.#pruned.entries
  }

  /**
   * Audits to the end of the tree, and stops after every block.
   * @throws AuditFault for the first fault in the order of the log.
   */
  async *run(): AsyncGenerator<AuditState, void, undefined> {
    const inFlight: BlockInFlight[] = []
    for (let more = true; more && !this.#isWaiting();) {
      const next = await this.#ahead.next(hasRegistrar(this.#rules.now))
      more = next !== undefined
      if (next !== undefined) inFlight.push(await this.#start(next))
      while (inFlight.length > (more ? BLOCKS_IN_FLIGHT : 0) && !this.#isWaiting()) {
        if (await this.#settle(inFlight.shift()!)) yield this.state
      }
    }
    // What waits for a journal is still read: the tree is checked to its end.
    await this.#ahead.finish()
    // What waits for a journal may hold the pruning that is looked for.
    if (!this.#isWaiting()) this.#pruned.assertPruned()
  }

  #isWaiting(): boolean {
    return this.waitingFrom !== undefined
  }

  async #start(scanned: ScannedBlock): Promise<BlockInFlight> {
    const block = await this.#ahead.complete(scanned)
    const prepared = await this.#prepare(block)
    const evidence = this.#checkEvidence(block)
    evidence.catch(() => undefined)
    this.#rules = prepared.rules
    this.#registered = prepared.registered
    this.#preparedTo = block.end
    await this.#ahead.judgeJournals(block.end, prepared.registrarChanges)
    return { ...scanned, block, prepared, evidence, journalSince: this.#ahead.journalSince }
  }

  /**
   * A block whose own rules are the first to ask for journals is decided once those are read; so is one
   * that is refused where no rule asks for any: a journal of later rules may tell why it was admitted.
   */
  async #prepare(block: Block): Promise<PreparedBlock> {
    const prepare = (): Promise<PreparedBlock> =>
      this.#replayer.prepare(block, this.#rules, this.#registered)
    const prepared = await prepare()
    if (hasRegistrar(this.#rules.now)) return prepared
    const isFirst = prepared.registrarChanges.some(({ isNamed }) => isNamed)
    if (!isFirst && (await prepared.outcome).kind !== 'fault') return prepared
    await this.#ahead.cover(block.end)
    return prepare()
  }

  /** Of the entries that are sampled, and of the first head that covers each. */
  async #checkEvidence({ start, entries, heads }: Block): Promise<AuditFault | undefined> {
    const { pin, isSampled } = this.#options
    const sample = entries
      .map((entry, offset) => ({ leafIndex: start + offset, entry }))
      .filter(({ leafIndex }) => isSampled(leafIndex))
    const options = { ...this.#options, ...pin }
    let checked = 0
    const check = async (one: (typeof sample)[number]): Promise<void> => {
      const head = heads.find(({ treeSize }) => treeSize > one.leafIndex)
      const isNext = head !== undefined && head.treeSize > checked
      if (isNext) checked = head.treeSize
      await checkServedEvidence(one, options)
      if (isNext) await checkServedHead(head, one.leafIndex, options)
    }
    return faultOf(async () => {
      for (let at = 0; at < sample.length; at += EVIDENCE_IN_FLIGHT) {
        const some = sample.slice(at, at + EVIDENCE_IN_FLIGHT)
        await Promise.all(some.map(check))
        this.counts.receipts += some.length
      }
    })
  }

  /** Waits for a block's decisions; false when they have to wait for a journal. */
  async #settle(inFlight: BlockInFlight): Promise<boolean> {
    const { block, prepared, evidence, journal, journalSince } = inFlight
    const outcome = await prepared.outcome
    const served = await evidence
    const decided = outcome.kind === 'fault' ? outcome.fault : undefined
    const found = earliest(decided, served)
    if (found !== undefined) throw earliest(this.#ahead.fault, found)!
    const isWaiting = outcome.kind === 'waiting'
    const end = isWaiting ? outcome.leafIndex : block.end
    if (outcome.kind !== 'fault') this.#pruned.add(outcome.missing)
    this.#pruned.readPrunings(block, end)
    this.counts.entries += end - block.start
    this.counts.heads += block.heads.filter(({ treeSize }) => treeSize <= end).length
    if (isWaiting) {
      // The next audit begins with this block again: the state moves by whole ones.
      this.waitingFrom = end
      return false
    }
    this.#ledger.release(block.end)
    const { head } = this.state
    this.state = {
      pin: this.#options.pin,
      ...(head === undefined ? {} : { head }),
      replayed: { treeSize: block.edge.treeSize, rootHash: block.edge.rootHash() },
      rules: prepared.rules.entries,
      journal,
      ...(journalSince === undefined ? {} : { journalSince }),
      ...(this.#pruned.entries.length === 0 ? {} : { unreplayed: this.#pruned.entries }),
      ...(prepared.registered.length === 0 ? {} : { registered: prepared.registered }),
    }
    return true
  }
}
