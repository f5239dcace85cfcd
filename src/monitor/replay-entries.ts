/**
 * Replays admissions (design D5): every entry is decided again by the pure function that the
 * registry decides with, under the rules that the entries before it make, at the time of the first
 * head that covers it, with the collateral that the journal commits to. Rules are followed in order;
 * signatures are verified side by side (decide-again.ts).
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { InputError } from '../errors.ts'
import { parseRegistrationPolicy } from '../policy/registration-policy.ts'
import { governanceOf } from '../policy/rules-in-force.ts'
import type { Rules } from '../policy/rules-in-force.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { AuditFault } from './audit-fault.ts'
import { readEntryCollateral } from './collateral.ts'
import type { MissingPreimage } from './collateral.ts'
import { decideAgain } from './decide-again.ts'
import type { ReplayedEntry, ReplayOptions, ReplayOutcome } from './decide-again.ts'
import { registeredCollateral } from './evidence-references.ts'
import type { RegisteredCollateral } from './evidence-references.ts'
import { admitted, changesRules, hasRegistrar, RulesHistory } from './rules-history.ts'
import type { Block } from './scan-entries.ts'

/** From the policy in entry `leafIndex` on, journals have to cover entries, or need not any more. */
export interface RegistrarChange {
  readonly leafIndex: number
  readonly isNamed: boolean
}

/** What the entries below a place make of those behind it. */
export interface ReplayPoint {
  readonly rules: RulesHistory
  /** Entries that registered TEE collateral. */
  readonly registered: readonly RegisteredCollateral[]
  /** Decisions that others may depend on, about entries that no journal covers. */
  readonly doubts: readonly Promise<ReplayOutcome>[]
}

/** A block whose decisions are being made. */
export interface PreparedBlock {
  readonly outcome: Promise<ReplayOutcome>
  /** In order: rules change within a block, and back. */
  readonly registrarChanges: readonly RegistrarChange[]
  readonly after: ReplayPoint
}

export class EntryReplayer {
  readonly #options: ReplayOptions

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Follows the rules through a block and starts deciding about its entries. */
  async prepare(block: Block, before: ReplayPoint): Promise<PreparedBlock> {
    const decisions: Promise<ReplayOutcome>[] = []
    const registrarChanges: RegistrarChange[] = []
    let point = before
    let fault: AuditFault | undefined
    for (const [offset, bytes] of block.entries.entries()) {
      try {
        const entry = await this.#readEntry(block, offset, bytes, point)
        const decision = decideAgain(entry, this.#options)
        decision.catch(() => undefined)
        decisions.push(decision)
        const wasNamed = hasRegistrar(point.rules.now)
        point = this.#follow(block, entry, point, decision)
        const isNamed = hasRegistrar(point.rules.now)
        const { leafIndex } = entry
        if (isNamed !== wasNamed) registrarChanges.push({ leafIndex, isNamed })
      } catch (error) {
        if (!(error instanceof AuditFault)) throw error
        fault = error
        break
      }
    }
    const outcome = firstOf(decisions, fault)
    // It is awaited in its turn, or never, when an earlier block ends the audit.
    outcome.catch(() => undefined)
    return { outcome, registrarChanges, after: point }
  }

  /** What an entry makes of those behind it. */
  #follow(
    block: Block,
    entry: ReplayedEntry,
    { rules: before, registered, doubts }: ReplayPoint,
    decision: Promise<ReplayOutcome>,
  ): ReplayPoint {
    const { leafIndex, statement } = entry
    const { ledger } = this.#options
    const rules = this.#followRules(block, entry, before)
    const found = registeredCollateral(leafIndex, statement, ledger.collateralOf(leafIndex))
    const decides = rules !== before || found !== undefined
    return {
      rules,
      registered: found === undefined ? registered : [...registered, found],
      doubts: decides && !ledger.isCovered(leafIndex) ? [...doubts, decision] : doubts,
    }
  }

  async #readEntry(
    block: Block,
    offset: number,
    bytes: Uint8Array,
    { rules: { now, before }, registered, doubts }: ReplayPoint,
  ): Promise<ReplayedEntry> {
    const leafIndex = block.start + offset
    const { ledger } = this.#options
    const statement = parseEntry(bytes, leafIndex, this.#options.sha256)
    const { registrationTime } = block.heads.find(({ treeSize }) => treeSize > leafIndex)!
    const pieces = ledger.collateralOf(leafIndex)
    const found =
      pieces.length === 0
        ? { collateral: {} }
        : await readEntryCollateral(pieces, statement, this.#options)
    const first = leafIndex === 0 ? this.#genesisRules(statement) : undefined
    if (leafIndex === 1 && governanceOf(statement) !== 'trust-anchors') {
      throw new AuditFault('admission', 'entry 1 is not the trust anchors', { leafIndex })
    }
    const read = { leafIndex, registrationTime, statement, rules: first ?? now, before }
    return { ...read, registered, doubts, ...found }
  }

  /** The first policy is signed by a key that it names itself; who created the log pinned it. */
  #genesisRules(statement: SignedStatement): Rules {
    const { payload } = statement.message
    try {
      if (governanceOf(statement) !== 'policy' || payload === null) {
        throw new InputError('ERR_TRUST_CONFIGURATION', 'it is no policy')
      }
      return { ...RulesHistory.empty.now, policy: parseRegistrationPolicy(payload) }
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause
      const place = { leafIndex: 0, entryId: statement.entryId }
      throw new AuditFault('admission', `entry 0: ${cause.message}`, place, { cause })
    }
  }

  /** A statement that makes rules also closes its batch (design D4). */
  #followRules(block: Block, entry: ReplayedEntry, history: RulesHistory): RulesHistory {
    const { statement, leafIndex, collateral } = entry
    if (!changesRules(statement)) return history
    const { entryId } = statement
    const closes = block.heads.some(({ treeSize }) => treeSize === leafIndex + 1)
    if (!closes && leafIndex > 0) {
      throw new AuditFault(
        'policy-timing',
        `entry ${leafIndex} changes the rules and did not close its batch`,
        { leafIndex, entryId },
      )
    }
    try {
      const { x5chain } = collateral
      const kept = x5chain === undefined ? entry : { ...entry, x5chain }
      return history.with(admitted(kept, statement), x5chain)
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause
      const place = { leafIndex, entryId }
      throw new AuditFault('admission', `entry ${leafIndex}: ${cause.message}`, place, { cause })
    }
  }
}

function parseEntry(bytes: Uint8Array, leafIndex: number, sha256: Sha256): SignedStatement {
  try {
    const statement = parseSignedStatement(bytes, { sha256 })
    if (!equalBytes(statement.entry, bytes)) {
      throw new InputError('ERR_COSE_STRUCTURE', 'it is not in canonical form')
    }
    return statement
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new AuditFault(
      'admission',
      `entry ${leafIndex} is no statement that could be registered: ${cause.message}`,
      { leafIndex, rule: 'form' },
      { cause },
    )
  }
}

/** The first fault in the order of the log; else the first entry that waits. What waits hides no fault. */
async function firstOf(
  decisions: readonly Promise<ReplayOutcome>[],
  fault: AuditFault | undefined,
): Promise<ReplayOutcome> {
  const missing: MissingPreimage[] = []
  let waiting: number | undefined
  for (const decision of decisions) {
    const outcome = await decision
    if (outcome.kind === 'fault') return outcome
    if (outcome.kind === 'waiting') waiting ??= outcome.leafIndex
    missing.push(...outcome.missing)
  }
  if (fault !== undefined) return { kind: 'fault', fault }
  if (waiting !== undefined) return { kind: 'waiting', leafIndex: waiting, missing }
  return { kind: 'replayed', missing }
}
