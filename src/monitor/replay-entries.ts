/**
 * Replays admissions (design D5): every entry is decided again by the pure function that the
 * registry decides with, under the rules that the entries before it make, at the time of the first
 * head that covers it, with the collateral that the journal commits to. Rules are followed in order;
 * signatures are verified side by side.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { Sha256 } from '../bytes/digest.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import type { Collateral } from '../policy/collateral.ts'
import { decide } from '../policy/decide.ts'
import type { RuleName } from '../policy/decision.ts'
import { parseRegistrationPolicy } from '../policy/registration-policy.ts'
import { governanceOf } from '../policy/rules-in-force.ts'
import type { Rules } from '../policy/rules-in-force.ts'
import type { EvidenceGivens } from '../policy/tee-evidence.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { AuditFault } from './audit-fault.ts'
import { readEntryCollateral } from './collateral.ts'
import type { MissingPreimage } from './collateral.ts'
import { readReferences, registeredCollateral } from './evidence-references.ts'
import type { ReferencePorts, RegisteredCollateral } from './evidence-references.ts'
import type { JournalLedger } from './journal-ledger.ts'
import { admitted, changesRules, RulesHistory } from './rules-history.ts'
import type { Block } from './scan-entries.ts'

export interface ReplayOptions extends ReferencePorts {
  readonly issuer: string
  readonly verifier: SignatureVerifier
  /** Needed where a policy of the log names Sigstore roots. */
  readonly bundles?: BundleVerifier
  readonly ledger: JournalLedger
  /** Rules that come into force at or after an entry, to tell a policy that was applied too early. */
  readonly findNextRules: (after: number, rules: Rules) => Promise<Rules | undefined>
}

/** An entry with all that it is decided by. */
export interface ReplayedEntry {
  readonly leafIndex: number
  readonly registrationTime: UnixSeconds
  readonly statement: SignedStatement
  readonly rules: Rules
  readonly before: Rules | undefined
  readonly collateral: Collateral
  /** Entries below it that registered TEE collateral. */
  readonly registered: readonly RegisteredCollateral[]
  readonly givens?: EvidenceGivens
  /** Content that it was decided with and that is not served any more. */
  readonly missing?: MissingPreimage
}

/** What the decisions of a block came to. */
export type BlockOutcome =
  | { readonly kind: 'replayed'; readonly missing: readonly MissingPreimage[] }
  /** From this entry on, nothing can be said until a journal covers it. */
  | { readonly kind: 'waiting'; readonly leafIndex: number }
  | { readonly kind: 'fault'; readonly fault: AuditFault }

/** A block whose decisions are being made. */
export interface PreparedBlock {
  readonly outcome: Promise<BlockOutcome>
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
    const decisions: Promise<BlockOutcome>[] = []
    let history = rules
    let registered = before
    let fault: AuditFault | undefined
    for (const [offset, bytes] of block.entries.entries()) {
      try {
        const entry = await this.#readEntry(block, offset, bytes, { history, registered })
        const decision = this.#decide(entry)
        decision.catch(() => undefined)
        decisions.push(decision)
        history = this.#follow(block, entry, history)
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
    return { outcome, rules: history, registered }
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
    return {
      leafIndex,
      registrationTime,
      statement,
      rules: first ?? history.now,
      before: history.before,
      registered,
      ...found,
    }
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

  async #decide(read: ReplayedEntry): Promise<BlockOutcome> {
    const { leafIndex } = read
    if (this.#mayHaveContent(read)) return { kind: 'waiting', leafIndex }
    const entry = await this.#withReferences(read)
    const { missing } = entry
    const refusal = await this.#refusalOf(entry, entry.rules)
    if (missing !== undefined && !WITHOUT_CONTENT.has(refusal?.rule ?? '')) {
      return { kind: 'replayed', missing: [missing] }
    }
    if (refusal === undefined) return { kind: 'replayed', missing: [] }
    if (this.#mayWait(entry, refusal)) return { kind: 'waiting', leafIndex }
    return { kind: 'fault', fault: await this.#explain(entry, refusal) }
  }

  /** With what its evidence refers to in the log. */
  async #withReferences(entry: ReplayedEntry): Promise<ReplayedEntry> {
    const { leafIndex, statement, registered, rules, collateral } = entry
    const { preimage } = collateral
    const { policy } = rules
    const referring = { leafIndex, statement, preimage, registered, policy }
    return { ...entry, ...(await readReferences(referring, this.#options)) }
  }

  async #refusalOf(entry: ReplayedEntry, rules: Rules): Promise<Refusal | undefined> {
    const { policy, anchors, delegations, inner } = rules
    const { statement, registrationTime, collateral } = entry
    const { verifier, bundles, issuer, origin } = this.#options
    if (policy === undefined) return { rule: 'form', reason: 'there is no policy yet' }
    try {
      const decision = await decide({
        ...{ statement, policy, anchors, delegations, registrationTime, verifier, collateral },
        inner,
        ...(bundles === undefined ? {} : { bundles }),
        ...(entry.givens === undefined ? {} : { evidence: entry.givens }),
        log: { issuer, origin },
      })
      return decision.kind === 'accept' ? undefined : decision
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      return { rule: 'form', reason: error.message }
    }
  }

  /** A journal that names what the entry was admitted with is still to come. */
  #isUncovered({ leafIndex, rules }: ReplayedEntry): boolean {
    const hasRegistrar = (rules.policy?.registrarKeys ?? []).length > 0
    return hasRegistrar && !this.#options.ledger.isCovered(leafIndex)
  }

  /** It decides either way whether the content of a hash envelope was at hand. */
  #mayHaveContent(entry: ReplayedEntry): boolean {
    const { hashEnvelope } = entry.statement.headers
    return hashEnvelope !== undefined && this.#isUncovered(entry)
  }

  /** Collateral that no journal names yet could make the difference. */
  #mayWait(entry: ReplayedEntry, { rule }: Refusal): boolean {
    const { rules, statement } = entry
    if (!this.#isUncovered(entry)) return false
    if (governanceOf(statement) === 'journal') return false
    const byCertificate = rules.anchors.some(({ kind }) => kind !== 'cose-key')
    return BY_COLLATERAL.has(rule) || (byCertificate && BY_CHAIN.has(rule))
  }

  async #explain(entry: ReplayedEntry, refusal: Refusal): Promise<AuditFault> {
    const { leafIndex, statement, rules, before } = entry
    const { entryId } = statement
    const { rule, reason } = refusal
    const place = { leafIndex, entryId, rule }
    const why = `entry ${leafIndex} was admitted, and the rules of its time refuse it (${rule}): ${reason}`
    if (before?.policy !== undefined && !(await this.#refusalOf(entry, before))) {
      const message = `${why}; it fits the rules before entry ${rules.policyIndex}, which took effect too late`
      return new AuditFault('policy-timing', message, place)
    }
    const next = await this.#options.findNextRules(leafIndex, rules)
    if (next !== undefined && !(await this.#refusalOf(entry, next))) {
      const message = `${why}; it fits the rules of entry ${next.policyIndex}, which took effect too early`
      return new AuditFault('policy-timing', message, place)
    }
    return new AuditFault(rule === 'signature' ? 'signature' : 'admission', why, place)
  }
}

interface Refusal {
  /** `form` for statements that no policy is asked about. */
  readonly rule: RuleName | 'form'
  readonly reason: string
}

/** Rules that refuse whatever the content of a hash envelope says. */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set<Refusal['rule']>([
  'form',
  'algorithm',
  'content-type',
  'issuer-unknown',
  'issuer-key',
  'certificate-path',
  'did-x509',
  'signature',
])
const BY_COLLATERAL: ReadonlySet<string> = new Set(['submitter', 'condition'])
const BY_CHAIN: ReadonlySet<string> = new Set<RuleName>([
  'issuer-unknown',
  'issuer-key',
  'certificate-path',
  'did-x509',
  'signature',
  'delegation-signer',
])

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
  decisions: readonly Promise<BlockOutcome>[],
  fault: AuditFault | undefined,
): Promise<BlockOutcome> {
  const missing: MissingPreimage[] = []
  for (const decision of decisions) {
    const outcome = await decision
    if (outcome.kind !== 'replayed') return outcome
    missing.push(...outcome.missing)
  }
  return fault === undefined ? { kind: 'replayed', missing } : { kind: 'fault', fault }
}
