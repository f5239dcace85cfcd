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

/** A block whose decisions are being made. */
export interface PreparedBlock {
  readonly outcome: Promise<ReplayOutcome>
  /** In order: rules change within a block, and back. */
  readonly registrarChanges: readonly RegistrarChange[]
  /** The rules after the block. */
  readonly rules: RulesHistory
  /** Entries up to its end that registered TEE collateral. */
  readonly registered: readonly RegisteredCollateral[]
}

export class EntryReplayer {
  readonly #options: ReplayOptions

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Follows the rules through a block and starts deciding about its entries. */
  async prepare(
    block: Block,
    rules: RulesHistory,
    before: readonly RegisteredCollateral[],
  ): Promise<PreparedBlock> {
    const decisions: Promise<ReplayOutcome>[] = []
    const registrarChanges: RegistrarChange[] = []
    let history = rules
    let registered = before
    let fault: AuditFault | undefined
    for (const [offset, bytes] of block.entries.entries()) {
      try {
        const entry = await this.#readEntry(block, offset, bytes, { history, registered })
        const decision = decideAgain(entry, this.#options)
        decision.catch(() => undefined)
        decisions.push(decision)
        const wasNamed = hasRegistrar(history.now)
        history = this.#follow(block, entry, history)
        const isNamed = hasRegistrar(history.now)
        const { leafIndex } = entry
        if (isNamed !== wasNamed) registrarChanges.push({ leafIndex, isNamed })
        registered = this.#remember(entry, registered)
      } catch (error) {
        if (!(error instanceof AuditFault)) throw error
        fault = error
        break
      }
    }
    const outcome = firstOf(decisions, fault)
    // It is awaited in its turn, or never, when an earlier block ends the audit.
    outcome.catch(() => undefined)
    return { outcome, registrarChanges, rules: history, registered }
  }

  /** Later evidence may name it. */
  #remember(
    { leafIndex, statement }: ReplayedEntry,
    registered: readonly RegisteredCollateral[],
  ): readonly RegisteredCollateral[] {
    const pieces = this.#options.ledger.collateralOf(leafIndex)
    const found = registeredCollateral(leafIndex, statement, pieces)
    return found === undefined ? registered : [...registered, found]
  }

  async #readEntry(
    block: Block,
    offset: number,
    bytes: Uint8Array,
    { history, registered }: Pick<ReplayedEntry, 'registered'> & { history: RulesHistory },
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
    const { now, before } = history
    const read = { leafIndex, registrationTime, statement, rules: first ?? now, before }
    return { ...read, registered, ...found }
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
  #follow(block: Block, entry: ReplayedEntry, history: RulesHistory): RulesHistory {
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

/** The first in the order of the log that is not well. */
async function firstOf(
  decisions: readonly Promise<ReplayOutcome>[],
  fault: AuditFault | undefined,
): Promise<ReplayOutcome> {
  const missing: MissingPreimage[] = []
  for (const decision of decisions) {
    const outcome = await decision
    if (outcome.kind === 'waiting') return { ...outcome, missing }
    if (outcome.kind === 'fault') return outcome
    missing.push(...outcome.missing)
  }
  return fault === undefined ? { kind: 'replayed', missing } : { kind: 'fault', fault }
}
