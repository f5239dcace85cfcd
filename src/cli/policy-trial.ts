/**
 * What a policy would say of one statement, with what the log keeps of its entries: a trial of
 * `attestry policy test`.
 */
import type { LogPlace } from '../app/data-directory.ts'
import type { EntryCollateral } from '../app/entry-collateral.ts'
import type { EvidenceReferences } from '../app/evidence-references.ts'
import type { Preimages } from '../app/preimages.ts'
import { InputError } from '../errors.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import { decide } from '../policy/decide.ts'
import type { Decision } from '../policy/decision.ts'
import { DelegationIndex } from '../policy/delegation-index.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import type { Rules } from '../policy/rules-in-force.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { LogRules } from './policy-text.ts'

/** A statement to try. */
export interface Tried {
  readonly name: string
  readonly statement: SignedStatement
  readonly registrationTime: number
  /** Of an entry of the log. */
  readonly leafIndex?: number
}

/** The rule and the reason of a refusal; neither when it is accepted. */
export interface Verdict {
  readonly name: string
  readonly entryId: string
  readonly rule?: string
  readonly reason?: string
}

/** What a log keeps of its entries beside the statements. */
export interface KeptDocuments {
  readonly preimages: Preimages
  readonly references: EvidenceReferences
  readonly admittedWith: EntryCollateral
  close(): Promise<void>
}

/** Loaded here: who tries FILES does not wait for SQLite. */
export async function openKeptDocuments(place: LogPlace): Promise<KeptDocuments> {
  const preimages = await (await import('../app/preimages.ts')).openPreimages(place)
  const references = await (
    await import('../app/evidence-references.ts')
  ).openEvidenceReferences(place)
  const admittedWith = await (await import('../app/entry-collateral.ts')).openEntryCollateral(place)
  const close = async (): Promise<void> => {
    for (const one of [preimages, references, admittedWith]) await one.close()
  }
  return { preimages, references, admittedWith, close }
}

/** As they were admitted: with the certificate chains that are collateral. */
export async function readDelegations(
  log: LogRules | undefined,
  kept: KeptDocuments | undefined,
): Promise<DelegationIndex> {
  const entries = []
  for (const entry of log?.delegationEntries ?? []) {
    const { x5chain } = (await kept?.admittedWith.of(entry.leafIndex)) ?? {}
    const { statement } = entry
    entries.push(
      x5chain === undefined
        ? entry
        : { ...entry, statement: { ...statement, unprotectedX5chain: x5chain } },
    )
  }
  return DelegationIndex.from(entries)
}

/** Decides about one statement; an entry is decided as of its own registration. */
export async function verdictOf(
  { name, statement, registrationTime, leafIndex }: Tried,
  under: {
    readonly policy: RegistrationPolicy
    readonly rules: Pick<Rules, 'anchors' | 'inner' | 'delegations'>
    readonly log: LogRules | undefined
    readonly bundles: BundleVerifier
    readonly kept: KeptDocuments | undefined
  },
): Promise<Verdict> {
  const { policy, rules, log, bundles, kept } = under
  const { anchors, inner } = rules
  // Of an entry, what was lent or taken back later does not count.
  const delegations =
    leafIndex === undefined ? rules.delegations : rules.delegations.below(leafIndex)
  let decision: Decision
  try {
    const stored = leafIndex === undefined ? {} : await kept?.admittedWith.of(leafIndex)
    const preimage = stored?.preimage ?? (await kept?.preimages.of(statement))
    const evidence = await kept?.references.of({ statement, preimage, leafIndex }, policy)
    decision = await decide({
      ...{ statement, policy, anchors, inner, delegations, registrationTime, bundles },
      verifier: nodeVerifier,
      collateral: { ...stored, ...(preimage === undefined ? {} : { preimage }) },
      ...(evidence === undefined ? {} : { evidence }),
      ...(log === undefined ? {} : { log: log.state }),
    })
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return { name, entryId: statement.entryId, rule: error.code, reason: error.message }
  }
  if (decision.kind === 'accept') return { name, entryId: statement.entryId }
  const { rule, reason } = decision
  return { name, entryId: statement.entryId, rule, reason }
}
