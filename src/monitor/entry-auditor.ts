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
import { findNextRules } from './find-next-rules.ts'
import { JournalLedger } from './journal-ledger.ts'
import type { LogSource } from './log-source.ts'
import { PrunedContent } from './pruned-content.ts'
import type { UnreplayedEntry } from './pruned-content.ts'
import { EntryReplayer } from './replay-entries.ts'
import type { PreparedBlock, ReplayPoint } from './replay-entries.ts'
import { hasRegistrar, RulesHistory } from './rules-history.ts'
import { ScanAhead } from './scan-ahead.ts'
import type { ScannedBlock } from './scan-ahead.ts'
import type { Block } from './scan-entries.ts'
import { checkServedSample } from './served-evidence.ts'
import type { SignedHeads } from './signed-heads.ts'

/** Blocks whose signatures are being verified while the next one is read. */
const BLOCKS_IN_FLIGHT = 3

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
  readonly before: ReplayPoint
  readonly prepared: PreparedBlock
  /** The first entry that no journal covered when it was prepared. */
  readonly uncovered: number
  readonly evidence: Promise<AuditFault | undefined>
}

export class EntryAuditor {
  readonly counts = { entries: 0, heads: 0, journals: 0, receipts: 0 }
  /** The first entry about which nothing can be said until a journal covers it: the state stays before it. */
  waitingFrom: number | undefined
  state: AuditState
  readonly #options: EntryAuditorOptions
  readonly #ahead: ScanAhead
  readonly #ledger: JournalLedger
  readonly #replayer: EntryReplayer
  readonly #pruned: PrunedContent
  #point: ReplayPoint
  /** Blocks below it were prepared with the journals that were read by then. */
  #preparedTo: number

  constructor(options: EntryAuditorOptions, state?: AuditState) {
    const { pin, heads, hasher, sha256, source } = options
    this.#options = options
    this.state = { ...(state ?? firstState(hasher)), pin }
    const rules = RulesHistory.from(this.state.rules, sha256)
    this.#point = { rules, registered: this.state.registered ?? [], doubts: [] }
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

  /** Whether somebody may sign journals at the end of what was read. */
  get hasRegistrar(): boolean {
    return hasRegistrar(this.#point.rules.now)
  }

  /**
   * Audits to the end of the tree, and stops after every block.
   * @throws AuditFault for the first fault in the order of the log.
   */
  async *run(): AsyncGenerator<AuditState, void, undefined> {
    const inFlight: BlockInFlight[] = []
    for (let more = true; more;) {
      const next = await this.#ahead.next(this.hasRegistrar)
      more = next !== undefined
      if (next !== undefined) inFlight.push(await this.#start(next))
      while (inFlight.length > (more ? BLOCKS_IN_FLIGHT : 0)) {
        await this.#settle(inFlight)
        yield this.state
      }
    }
    await this.#ahead.finish()
    this.#pruned.assertPruned()
  }

  async #start(scanned: ScannedBlock): Promise<BlockInFlight> {
    const block = await this.#ahead.complete(scanned)
    const before = this.#point
    let prepared = await this.#prepare(block, before)
    // A block whose own rules are the first to ask for journals is decided once those are read.
    if (!hasRegistrar(before.rules.now) && prepared.registrarChanges.length > 0) {
      await this.#cover(block)
      prepared = await this.#prepare(block, before)
    }
    const { next: uncovered } = this.#ledger.position
    const evidence = this.#checkEvidence(block)
    evidence.catch(() => undefined)
    return { ...scanned, block, before, prepared, uncovered, evidence }
  }

  async #prepare(block: Block, before: ReplayPoint): Promise<PreparedBlock> {
    const prepared = await this.#replayer.prepare(block, before)
    this.#point = prepared.after
    this.#preparedTo = block.end
    return prepared
  }

  /** Reads the journals about a block that is going to be prepared again. */
  async #cover({ start, end }: Block): Promise<void> {
    const preparedTo = this.#preparedTo
    this.#preparedTo = start
    await this.#ahead.cover(end)
    this.#preparedTo = preparedTo
  }

  /**
   * The next block, decided. Where no rule asks for journals it was decided without them: if it is not well,
   * it is once more with those of later rules, which may tell why it was admitted, and so are those behind it.
   */
  async #decide(inFlight: BlockInFlight[]): Promise<BlockInFlight> {
    const [first] = inFlight as [BlockInFlight]
    if ((await first.prepared.outcome).kind !== 'replayed') {
      await this.#cover(first.block)
      const { next: uncovered } = this.#ledger.position
      if (uncovered === first.uncovered) return inFlight.shift()!
      let { before } = first
      for (const [at, one] of inFlight.entries()) {
        const prepared = await this.#prepare(one.block, before)
        inFlight[at] = { ...one, before, prepared, uncovered }
        before = prepared.after
      }
    }
    return inFlight.shift()!
  }

  #checkEvidence(block: Block): Promise<AuditFault | undefined> {
    const { pin } = this.#options
    const onChecked = (receipts: number): void => {
      this.counts.receipts += receipts
    }
    return faultOf(() => checkServedSample(block, { ...this.#options, ...pin, onChecked }))
  }

  /** Waits for the decisions of the next block; the state moves over it unless something before it waits. */
  async #settle(inFlight: BlockInFlight[]): Promise<void> {
    const { block, prepared, evidence, journal } = await this.#decide(inFlight)
    const outcome = await prepared.outcome
    await this.#ahead.judgeJournals(block.end, prepared.registrarChanges)
    const served = await evidence
    const decided = outcome.kind === 'fault' ? outcome.fault : undefined
    const found = earliest(decided, served)
    const ahead = this.#ahead.fault
    if (found !== undefined) throw earliest(ahead, found)!
    // The state must not move over what a journal ahead, or one that is late, says of this block.
    if (ahead !== undefined && (ahead.place.leafIndex ?? block.end) < block.end) throw ahead
    if (outcome.kind !== 'fault') this.#pruned.add(outcome.missing)
    this.#pruned.readPrunings(block)
    this.#ledger.release(block.end)
    if (this.waitingFrom !== undefined) return
    if (outcome.kind === 'waiting') this.waitingFrom = outcome.leafIndex
    const end = this.waitingFrom ?? block.end
    this.counts.entries += end - block.start
    this.counts.heads += block.heads.filter(({ treeSize }) => treeSize <= end).length
    // The next audit begins with a block that waits again: the state moves by whole ones.
    if (this.waitingFrom !== undefined) return
    const { head } = this.state
    const { rules, registered } = prepared.after
    const { journalSince } = this.#ahead
    this.state = {
      pin: this.#options.pin,
      ...(head === undefined ? {} : { head }),
      replayed: { treeSize: block.edge.treeSize, rootHash: block.edge.rootHash() },
      rules: rules.entries,
      journal,
      ...(journalSince === undefined ? {} : { journalSince }),
      ...(this.#pruned.entries.length === 0 ? {} : { unreplayed: this.#pruned.entries }),
      ...(registered.length === 0 ? {} : { registered }),
    }
  }
}
