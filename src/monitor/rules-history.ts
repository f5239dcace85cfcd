/**
 * The rules of a log as an audit has met them, with the entries that they follow from, so that the
 * next audit can go on from there. It also remembers the rules before the last change: a decision
 * that fits those, and not the rules in force, shows that a policy took effect too late.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { governanceOf, NO_RULES, rulesAfter } from '../policy/rules-in-force.ts'
import type { AdmittedEntry, Rules } from '../policy/rules-in-force.ts'
import { changesDecisions } from '../payload/media-types.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'

/** An entry that made a rule, as an audit keeps it. */
export interface RuleEntry {
  readonly leafIndex: number
  readonly registrationTime: UnixSeconds
  readonly entry: Uint8Array
  /** Certificates that were among its collateral, DER. */
  readonly x5chain?: readonly Uint8Array[]
}

/** The two last of each are enough: the rules in force and those before. */
const DOCUMENTS_KEPT = 2

/** Immutable: `with` gives another one. */
export class RulesHistory {
  static readonly empty: RulesHistory = new RulesHistory([], { now: NO_RULES, before: undefined })

  /** Everything that the rules follow from, in the order of the log. */
  readonly entries: readonly RuleEntry[]
  /** The rules in force after the last of them. */
  readonly now: Rules
  /** The rules before it. */
  readonly before: Rules | undefined

  private constructor(
    entries: readonly RuleEntry[],
    rules: { readonly now: Rules; readonly before: Rules | undefined },
  ) {
    this.entries = entries
    this.now = rules.now
    this.before = rules.before
  }

  /** From what an earlier audit kept. @throws InputError when it does not parse. */
  static from(entries: readonly RuleEntry[], sha256: Sha256): RulesHistory {
    let history = RulesHistory.empty
    for (const kept of entries) {
      const statement = parseSignedStatement(kept.entry, { sha256 })
      history = history.with(admitted(kept, statement), kept.x5chain)
    }
    return history
  }

  /**
   * The history with one more entry; the same when it changes no rule.
   * @throws InputError `ERR_TRUST_CONFIGURATION` for rules that cannot be read.
   */
  with(entry: AdmittedEntry, x5chain?: readonly Uint8Array[]): RulesHistory {
    const now = rulesAfter(this.now, entry)
    if (now === this.now) return this
    const { leafIndex, registrationTime, statement } = entry
    const kept = {
      leafIndex,
      registrationTime,
      entry: statement.entry,
      ...(x5chain === undefined ? {} : { x5chain }),
    }
    return new RulesHistory(forgetOld([...this.entries, kept], statement), {
      now,
      before: this.now,
    })
  }
}

/** An entry as rules-in-force.ts wants it. */
export function admitted(
  { leafIndex, registrationTime, x5chain }: Omit<RuleEntry, 'entry'>,
  statement: SignedStatement,
): AdmittedEntry {
  const whole = x5chain === undefined ? statement : { ...statement, unprotectedX5chain: x5chain }
  return { leafIndex, registrationTime, statement: whole }
}

/** True for entries that decide about later ones. */
export function changesRules(statement: SignedStatement): boolean {
  const kind = governanceOf(statement)
  return kind !== undefined && changesDecisions(kind)
}

/** Whether the policy names a registrar: only then journals have to cover entries. */
export function hasRegistrar({ policy }: Rules): boolean {
  return (policy?.registrarKeys ?? []).length > 0
}

/** A document replaces the one before; delegations add up. */
function forgetOld(entries: readonly RuleEntry[], last: SignedStatement): readonly RuleEntry[] {
  const kind = governanceOf(last)
  if (kind !== 'policy' && kind !== 'trust-anchors') return entries
  const same = entries.filter(({ entry }) => governanceOf(parseSignedStatement(entry)) === kind)
  const old = new Set(same.slice(0, -DOCUMENTS_KEPT))
  return old.size === 0 ? entries : entries.filter((entry) => !old.has(entry))
}
