/**
 * One admission, decided again by the pure function that the registry decides with. What is refused now
 * may still wait for its journal, which names what it was admitted with; else it is a fault, and the
 * rules before and after tell whether a policy was applied at the wrong time.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import type { Collateral } from '../policy/collateral.ts'
import { decide } from '../policy/decide.ts'
import type { RuleName } from '../policy/decision.ts'
import { governanceOf } from '../policy/rules-in-force.ts'
import type { Rules } from '../policy/rules-in-force.ts'
import type { EvidenceGivens } from '../policy/tee-evidence.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { AuditFault } from './audit-fault.ts'
import type { MissingPreimage } from './collateral.ts'
import { readReferences } from './evidence-references.ts'
import type { ReferencePorts, RegisteredCollateral } from './evidence-references.ts'
import type { JournalLedger } from './journal-ledger.ts'
import { hasRegistrar } from './rules-history.ts'

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
  /** Decisions about entries below it that it may depend on, and that no journal covers. */
  readonly doubts: readonly Promise<ReplayOutcome>[]
}

/** What a decision came to, or those of a block. */
export type ReplayOutcome =
  | { readonly kind: 'replayed'; readonly missing: readonly MissingPreimage[] }
  /** About this entry, the first such, nothing can be said until a journal covers it. */
  | {
      readonly kind: 'waiting'
      readonly leafIndex: number
      readonly missing: readonly MissingPreimage[]
    }
  | { readonly kind: 'fault'; readonly fault: AuditFault }

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
/** What delegations and registered collateral below an entry say decides, too. */
const BY_EARLIER: ReadonlySet<string> = new Set<RuleName>([
  ...(['issuer-unknown', 'issuer-key', 'certificate-path', 'did-x509', 'signature'] as const),
  ...(['anchor-subject', 'anchor-predicate-type', 'anchor-builder-id', 'tee-evidence'] as const),
  ...([
    'delegation-parent',
    'delegation-signer',
    'delegation-scope',
    'delegation-expired',
  ] as const),
  ...(['delegation-depth', 'delegation-cycle', 'delegation-revoked'] as const),
])

/** Decides about an entry once more, under the rules and at the time of its registration. */
export async function decideAgain(
  read: ReplayedEntry,
  options: ReplayOptions,
): Promise<ReplayOutcome> {
  const { leafIndex, statement, registered, rules, collateral } = read
  const { hashEnvelope } = statement.headers
  // It decides either way whether the content of a hash envelope was at hand: without a registrar it never is.
  const byContent = hashEnvelope !== undefined && hasRegistrar(rules)
  if (byContent && !options.ledger.isCovered(leafIndex)) {
    return { kind: 'waiting', leafIndex, missing: [] }
  }
  const { preimage } = collateral
  const referring = { leafIndex, statement, preimage, registered, policy: rules.policy }
  const entry: ReplayedEntry = { ...read, ...(await readReferences(referring, options)) }
  const { missing } = entry
  const refusal = await refusalOf(entry, rules, options)
  if (missing !== undefined && !WITHOUT_CONTENT.has(refusal?.rule ?? '')) {
    return { kind: 'replayed', missing: [missing] }
  }
  if (refusal === undefined) return { kind: 'replayed', missing: [] }
  if (await mayWait(entry, refusal, options.ledger))
    return { kind: 'waiting', leafIndex, missing: [] }
  return { kind: 'fault', fault: await explain(entry, refusal, options) }
}

async function refusalOf(
  entry: ReplayedEntry,
  rules: Rules,
  options: ReplayOptions,
): Promise<Refusal | undefined> {
  const { policy, anchors, delegations, inner } = rules
  const { statement, registrationTime, collateral } = entry
  const { verifier, bundles, issuer, origin } = options
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

/** Collateral that no journal names yet, its own or that of entries below it, could make the difference. */
async function mayWait(
  { leafIndex, rules, statement, doubts }: ReplayedEntry,
  { rule }: Refusal,
  ledger: JournalLedger,
): Promise<boolean> {
  if (governanceOf(statement) === 'journal') return false
  if (!ledger.isCovered(leafIndex)) {
    const byCertificate = rules.anchors.some(({ kind }) => kind !== 'cose-key')
    if (BY_COLLATERAL.has(rule) || (byCertificate && BY_CHAIN.has(rule))) return true
  }
  if (!BY_EARLIER.has(rule)) return false
  return (await Promise.all(doubts)).some(({ kind }) => kind === 'waiting')
}

async function explain(
  entry: ReplayedEntry,
  refusal: Refusal,
  options: ReplayOptions,
): Promise<AuditFault> {
  const { leafIndex, statement, rules, before } = entry
  const { entryId } = statement
  const { rule, reason } = refusal
  const place = { leafIndex, entryId, rule }
  const why = `entry ${leafIndex} was admitted, and the rules of its time refuse it (${rule}): ${reason}`
  if (before?.policy !== undefined && !(await refusalOf(entry, before, options))) {
    const message = `${why}; it fits the rules before entry ${rules.policyIndex}, which took effect too late`
    return new AuditFault('policy-timing', message, place)
  }
  const next = await options.findNextRules(leafIndex, rules)
  if (next !== undefined && !(await refusalOf(entry, next, options))) {
    const message = `${why}; it fits the rules of entry ${next.policyIndex}, which took effect too early`
    return new AuditFault('policy-timing', message, place)
  }
  return new AuditFault(rule === 'signature' ? 'signature' : 'admission', why, place)
}
