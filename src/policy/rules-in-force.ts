/**
 * The rules of a log as they follow from its entries alone (design D4): the rules for entry i are
 * those after all entries below i. Whoever serves, tests or audits a log walks it with this.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { DelegationIndex } from './delegation-index.ts'
import { changesDecisions, governanceKind } from '../payload/media-types.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import type { InnerAnchors } from './inner-anchors.ts'
import { NO_INNER_ANCHORS } from './inner-anchors.ts'
import { parseRegistrationPolicy, readTrustAnchorsDocument } from './registration-policy.ts'
import type { RegistrationPolicy } from './registration-policy.ts'

/** An entry as it was admitted. */
export interface AdmittedEntry {
  readonly leafIndex: number
  readonly registrationTime: UnixSeconds
  /** With the unprotected x5chain put back, if that was among its collateral. */
  readonly statement: SignedStatement
}

/** What decides about the next entry. */
export interface Rules {
  /** Absent only before entry 0. */
  readonly policy?: RegistrationPolicy
  readonly anchors: readonly TrustAnchor[]
  /** Roots and keys for what statements wrap. */
  readonly inner: InnerAnchors
  readonly delegations: DelegationIndex
  /** Index of the last entry that changed any of them; -1 before entry 0. */
  readonly policyIndex: number
}

/** The rules before entry 0. */
export const NO_RULES: Rules = {
  anchors: [],
  inner: NO_INNER_ANCHORS,
  delegations: DelegationIndex.empty,
  policyIndex: -1,
}

/** What a statement does to the log that carries it; `undefined` for ordinary ones. */
export function governanceOf(statement: SignedStatement): GovernanceKind | undefined {
  const { contentType, hashEnvelope } = statement.headers
  return kindOf(contentType) ?? kindOf(hashEnvelope?.preimageContentType)
}

function kindOf(type: string | number | undefined): GovernanceKind | undefined {
  return type === undefined ? undefined : governanceKind(String(type))
}

/**
 * The rules after an entry; the same object when it changes nothing.
 * @throws InputError `ERR_TRUST_CONFIGURATION` for a policy or anchors that cannot be read: they
 * were never admitted by these rules, and no later decision can be replayed.
 */
export function rulesAfter(rules: Rules, entry: AdmittedEntry): Rules {
  const kind = governanceOf(entry.statement)
  if (kind === undefined || !changesDecisions(kind)) return rules
  const { leafIndex: policyIndex } = entry
  switch (kind) {
    case 'policy':
      return { ...rules, policyIndex, policy: parseRegistrationPolicy(payloadOf(entry)) }
    case 'trust-anchors':
      return { ...rules, policyIndex, ...readTrustAnchorsDocument(payloadOf(entry)) }
    default:
      return { ...rules, policyIndex, delegations: rules.delegations.with(entry) }
  }
}

function payloadOf({ statement, leafIndex }: AdmittedEntry): Uint8Array {
  const { payload } = statement.message
  if (payload === null || statement.headers.hashEnvelope !== undefined) {
    throw new InputError('ERR_TRUST_CONFIGURATION', `entry ${leafIndex} does not hold its rules`)
  }
  return payload
}
