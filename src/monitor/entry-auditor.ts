/**
 * The loop of an audit: entries are scanned (hashed, compared with tiles and heads) a little ahead of
 * being replayed, because the journal that says what an entry was admitted with comes after it. What
 * is found ahead never hides what is wrong before it.
 */
import type { Sha256 } from '../bytes/digest.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { AuditFault, earliest } from './audit-fault.ts'
import { firstState } from './audit-state.ts'
import type { AuditState, LogPin } from './audit-state.ts'
import type { AuthenticatedTree } from './authenticated-tree.ts'
import { findCollateral, notServed } from './collateral.ts'
import { findJournal } from './find-journal.ts'
import { PrunedContent } from './pruned-content.ts'
import type { RegisteredCollateral } from './evidence-references.ts'
import { findNextRules } from './find-next-rules.ts'
import { JournalLedger } from './journal-ledger.ts'
import type { JournalPosition, JournalWait } from './journal-ledger.ts'
import type { LogSource } from './log-source.ts'
import { EntryReplayer } from './replay-entries.ts'
import type { PreparedBlock } from './replay-entries.ts'
import { RulesHistory } from './rules-history.ts'
import { EntryScanner } from './scan-entries.ts'
import type { Block } from './scan-entries.ts'
import { checkServedEvidence } from './served-evidence.ts'
import type { SignedHeads } from './signed-heads.ts'

/** Bytes of entries that wait for their journal in memory; beyond, bundles are read a second time. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024
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

interface ScannedBlock {
  /** Without entries where too many wait. */
  readonly block: Block
  readonly isHeld: boolean
  /** How far the journals up to the end of the block reach. */
  readonly journal: JournalPosition
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
  readonly #scanner: EntryScanner
  readonly #ledger: JournalLedger
  readonly #replayer: EntryReplayer
  readonly #pruned: PrunedContent
  readonly #scanned: ScannedBlock[] = []
  /** Journals whose lateness is judged once the rules before them are known. */
  #waits: JournalWait[] = []
  #rules: RulesHistory
  #registered: readonly RegisteredCollateral[]
  #journalSince: number | undefined
  #waitingBytes = 0
  #isScanned = false
  #scanFault: AuditFault | undefined

  constructor(options: EntryAuditorOptions, state?: AuditState) {
    const { pin, heads, hasher, sha256, source } = options
    this.#options = options
    this.state = { ...(state ?? firstState(hasher)), pin }
    this.#rules = RulesHistory.from(this.state.rules, sha256)
    this.#registered = this.state.registered ?? []
    this.#journalSince = this.state.journalSince
    this.#pruned = new PrunedContent(this.state.unreplayed ?? [], sha256)
    this.#ledger = new JournalLedger(heads, this.state.journal)
    this.#scanner = new EntryScanner({ ...options, from: this.state.replayed.treeSize })
    this.#replayer = new EntryReplayer({
      ...options,
      ...{ issuer: pin.issuer, origin: pin.origin, ledger: this.#ledger },
      ...{ checkpointKeys: pin.checkpointKeys, treeSize: options.tree.head.treeSize },
      findNextRules: (after, rules) =>
        findNextRules({ source, sha256, after, rules, tree: options.tree.head }),
    })
  }

  /**
   * Audits to the end of the tree, and stops after every block.
   * @throws AuditFault for the first fault in the order of the log.
   */
  async *run(): AsyncGenerator<AuditState, void, undefined> {
    const inFlight: BlockInFlight[] = []
    for (let more = true; more && !this.#isWaiting();) {
      const next = await this.#nextBlock()
      more = next !== undefined
      if (next !== undefined) inFlight.push(await this.#start(next))
      while (inFlight.length > (more ? BLOCKS_IN_FLIGHT : 0) && !this.#isWaiting()) {
        if (await this.#settle(inFlight.shift()!)) yield this.state
      }
    }
    // What waits for a journal is still read: the tree is checked to its end.
    while (await this.#scan()) this.#scanned.length = 0
    if (this.#scanFault !== undefined) throw this.#scanFault
    await this.#assertJournalInTime()
    // What waits for a journal may hold the pruning that is looked for.
    if (!this.#isWaiting()) this.#pruned.assertPruned()
  }

  /** The next block to replay, with the journals that cover it read, where there are any. */
  async #nextBlock(): Promise<ScannedBlock | undefined> {
    if (this.#scanned.length === 0) await this.#scan()
    const [next] = this.#scanned
    if (next === undefined) return undefined
    if (this.#hasRegistrar()) {
      while (this.#ledger.firstUncovered(next.block.end) !== undefined && (await this.#scan()));
    }
    this.#scanned.shift()
    this.#waitingBytes -= bytesOf(next.block)
    return next
  }

  #isWaiting(): boolean {
    return this.waitingFrom !== undefined
  }

  #hasRegistrar(): boolean {
    return (this.#rules.now.policy?.registrarKeys ?? []).length > 0
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
      const fault = await this.#readJournals(block)
      this.#scanned.push({ ...scanned, journal: this.#ledger.position })
      this.#scanFault = fault
      this.#isScanned = fault !== undefined
      return true
    } catch (error) {
      if (!(error instanceof AuditFault)) throw error
      this.#scanFault = error
      this.#isScanned = true
      return false
    }
  }

  async #readJournals({ start, entries }: Block): Promise<AuditFault | undefined> {
    const { sha256 } = this.#options
    const replayed = this.state.replayed.treeSize
    try {
      for (const [offset, entry] of entries.entries()) {
        const payload = findJournal(entry, sha256)
        if (payload === undefined) continue
        const { journal, wait } = await this.#ledger.add(start + offset, payload)
        this.counts.journals += 1
        this.#waits.push(wait)
        // Entries that an earlier audit replayed without it: it has to be there all the same.
        for (const piece of journal.collateral.filter(({ leafIndex }) => leafIndex < replayed)) {
          if ((await findCollateral(piece, this.#options)) !== undefined) continue
          if (piece.kind !== 'preimage') throw notServed(piece)
          this.#pruned.add([piece])
        }
      }
      return undefined
    } catch (error) {
      if (error instanceof AuditFault) return error
      throw error
    }
  }

  async #start(scanned: ScannedBlock): Promise<BlockInFlight> {
    const block = scanned.isHeld ? scanned.block : await this.#scanner.reread(scanned.block)
    const prepared = await this.#replayer.prepare(block, this.#rules, this.#registered)
    const evidence = this.#checkEvidence(block)
    evidence.catch(() => undefined)
    this.#rules = prepared.rules
    this.#registered = prepared.registered
    if (!this.#hasRegistrar()) this.#journalSince = undefined
    else this.#journalSince ??= this.#rules.now.policyIndex
    const late = await this.#findLateJournal(block.end)
    if (late !== undefined) {
      this.#scanFault = earliest(this.#scanFault, late)
      this.#isScanned = true
    }
    return { ...scanned, block, prepared, evidence, journalSince: this.#journalSince }
  }

  async #checkEvidence({ start, entries }: Block): Promise<AuditFault | undefined> {
    const { pin, isSampled } = this.#options
    const sample = entries
      .map((entry, offset) => ({ leafIndex: start + offset, entry }))
      .filter(({ leafIndex }) => isSampled(leafIndex))
    const options = { ...this.#options, ...pin }
    try {
      for (let at = 0; at < sample.length; at += EVIDENCE_IN_FLIGHT) {
        const some = sample.slice(at, at + EVIDENCE_IN_FLIGHT)
        await Promise.all(some.map((one) => checkServedEvidence(one, options)))
        this.counts.receipts += some.length
      }
      return undefined
    } catch (error) {
      if (error instanceof AuditFault) return error
      throw error
    }
  }

  /** Waits for a block's decisions; false when they have to wait for a journal. */
  async #settle({
    block,
    prepared,
    evidence,
    journal,
    journalSince,
  }: BlockInFlight): Promise<boolean> {
    const outcome = await prepared.outcome
    const served = await evidence
    const decided = outcome.kind === 'fault' ? outcome.fault : undefined
    const found = earliest(decided, served)
    if (found !== undefined) throw earliest(this.#scanFault, found)!
    if (outcome.kind === 'waiting') {
      this.waitingFrom = outcome.leafIndex
      return false
    }
    this.#ledger.release(block.end)
    if (outcome.kind === 'replayed') this.#pruned.add(outcome.missing)
    this.#pruned.readPrunings(block)
    this.counts.entries += block.end - block.start
    this.counts.heads += block.heads.filter(({ treeSize }) => treeSize <= block.end).length
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

  async #findLateJournal(end: number): Promise<AuditFault | undefined> {
    const due = this.#waits.filter(({ by }) => by < end)
    this.#waits = this.#waits.filter(({ by }) => by >= end)
    try {
      if (this.#journalSince === undefined) return undefined
      for (const wait of due) await this.#ledger.assertInTime(wait, this.#journalSince)
      return undefined
    } catch (error) {
      if (error instanceof AuditFault) return error
      throw error
    }
  }

  /** What no journal covers at the end of the log must not have waited too long either. */
  async #assertJournalInTime(): Promise<void> {
    const { treeSize: to } = this.#options.tree.head
    const first = this.#ledger.firstUncovered(to)
    if (first === undefined || this.#journalSince === undefined) return
    await this.#ledger.assertInTime({ first, to, by: to - 1 }, this.#journalSince)
  }
}

function bytesOf({ entries }: Block): number {
  return entries.reduce((sum, entry) => sum + entry.length, 0)
}
