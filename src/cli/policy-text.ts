/** Registration Policies and trust anchors in words, and where commands find them. */
import type { LogPlace } from '../app/data-directory.ts'
import { readLog } from '../app/read-log.ts'
import type { StoredState } from '../log/store.ts'
import type { PublicKey } from '../cose/public-key.ts'
import {
  encodeTrustAnchorsDocument,
  parseRegistrationPolicy,
  readTrustAnchorsDocument,
  registrationPolicyJson,
} from '../policy/registration-policy.ts'
import type { InnerAnchors } from '../policy/inner-anchors.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import type { TeeEvidencePolicy } from '../policy/tee-evidence-policy.ts'
import { governanceOf, NO_RULES, rulesAfter } from '../policy/rules-in-force.ts'
import type { AdmittedEntry, Rules } from '../policy/rules-in-force.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { CliError } from './cli-error.ts'
import { readInput } from './files.ts'
import { Progress } from './progress.ts'
import { unwrapStatement } from './statement-payload.ts'
import { anchorName, anchorPatterns, fingerprint } from './trust-text.ts'

/** A governance document from a file: a policy or a trust anchors document, told by its members. */
export type RulesDocument =
  | { readonly kind: 'policy'; readonly policy: RegistrationPolicy; readonly bytes: Uint8Array }
  | {
      readonly kind: 'trust-anchors'
      readonly anchors: readonly TrustAnchor[]
      readonly inner: InnerAnchors
      readonly bytes: Uint8Array
    }

/**
 * The document, or that of a statement around it, which is not verified.
 * @throws InputError `ERR_TRUST_CONFIGURATION` that says what is wrong with the document.
 */
export async function readRulesDocument(path: string): Promise<RulesDocument> {
  const bytes = unwrapStatement(await readInput(path))
  return looksLikeAnchors(bytes)
    ? { kind: 'trust-anchors', ...readTrustAnchorsDocument(bytes), bytes }
    : { kind: 'policy', policy: parseRegistrationPolicy(bytes), bytes }
}

/** @throws CliError `ERR_USAGE` for a trust anchors document. */
export async function readPolicyFile(path: string): Promise<RegistrationPolicy> {
  const document = await readRulesDocument(path)
  if (document.kind === 'policy') return document.policy
  throw new CliError('ERR_USAGE', `${path} is a trust anchors document, not a policy`)
}

/** Only which parser is to say what is wrong. */
function looksLikeAnchors(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null && Object.hasOwn(value, 'anchors')
  } catch {
    return false
  }
}

/** The rules of a log, and its last ordinary entries. */
export interface LogRules {
  readonly state: StoredState
  readonly rules: Rules & { readonly policy: RegistrationPolicy }
  /** Index of the entry that holds the policy in force. */
  readonly policyEntry: number
  readonly policyTime: number
  readonly entries: readonly AdmittedEntry[]
  /** Delegations and revocations, without chains that were collateral. */
  readonly delegationEntries: readonly AdmittedEntry[]
}

/** Walks the log of a data directory; keeps its last `last` ordinary entries. */
export async function readLogRules(
  place: LogPlace,
  { last = 0, quiet = false }: { readonly last?: number; readonly quiet?: boolean } = {},
): Promise<LogRules> {
  const progress = new Progress('reading entries', { quiet })
  let rules: Rules = NO_RULES
  let policyEntry = -1
  let policyTime = 0
  const entries: AdmittedEntry[] = []
  const delegationEntries: AdmittedEntry[] = []
  let state: StoredState
  try {
    state = await readLog({
      ...place,
      onProgress: (done, total) => {
        progress.update(done, total)
      },
      onEntry: ({ leafIndex, entry, registrationTime }) => {
        const statement = parseSignedStatement(entry)
        const admitted = { leafIndex, registrationTime, statement }
        const kind = governanceOf(statement)
        rules = rulesAfter(rules, admitted)
        if (kind === 'policy') [policyEntry, policyTime] = [leafIndex, registrationTime]
        if (kind?.startsWith('delegation') === true) delegationEntries.push(admitted)
        if (kind !== undefined || last === 0) return
        entries.push(admitted)
        // Cut now and then, not at every entry.
        if (entries.length >= 2 * last) entries.splice(0, entries.length - last)
      },
    })
  } finally {
    progress.end()
  }
  const { policy, ...rest } = rules
  if (policy === undefined) throw new CliError('ERR_FILE', `${place.data}: the log has no policy`)
  const kept = last === 0 ? [] : entries.slice(-last)
  const inForce = { ...rest, policy }
  return { state, rules: inForce, policyEntry, policyTime, entries: kept, delegationEntries }
}

/** A policy as rows for people. */
export function policyRows(policy: RegistrationPolicy): (readonly [string, string])[] {
  const { submitter, delegation, conditions = [] } = policy
  const list = (items: readonly string[]): string => items.join(', ')
  const keys = (items: readonly PublicKey[]): string => list(items.map(fingerprint))
  const rows: (readonly [string, string | undefined])[] = [
    ['algorithms', list(policy.algorithms)],
    ['content types', list(policy.contentTypes)],
    ['predicate types', policy.predicateTypes && list(policy.predicateTypes)],
    ['payload validator', policy.payloadValidator],
    ['required claims', policy.requiredClaims && list(policy.requiredClaims)],
    ['registration lag', seconds(policy.maxRegistrationLagSeconds)],
    ['clock skew', seconds(policy.maxClockSkewSeconds)],
    ['delegation', delegation && `${delegation.depthMax} deep`],
    ['submitter', submitter && (submitter.required ? 'has to be known' : 'may be known')],
    ...(submitter?.oidc ?? []).map(
      ({ issuer, audience }) => ['OIDC', `${issuer} for ${audience}`] as const,
    ),
    ['Sigstore roots', policy.sigstoreRoots && list(policy.sigstoreRoots)],
    ['DSSE signatures', policy.dsse && 'have to verify'],
    ['TEE evidence', policy.teeEvidence && teeEvidenceText(policy.teeEvidence)],
    ...conditions.map(({ name, cel }) => ['condition', `${name}: ${cel}`] as const),
    ['evaluator', policy.celEvaluator],
    ['operator keys', keys(policy.operatorKeys)],
    ['registrar keys', policy.registrarKeys && keys(policy.registrarKeys)],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== undefined)
}

function teeEvidenceText(policy: TeeEvidencePolicy): string {
  const { check, outOfDate, debug, checkpointAgeMax: age, roots, endorsers } = policy
  const pinned = Object.entries(roots ?? {}).map(([name, { length }]) => `${length} ${name}`)
  const named = Object.entries(endorsers ?? {}).map(([name, { length }]) => `${length} ${name}`)
  const parts = [
    `has to verify (${check})`,
    outOfDate === 'refuse' ? 'a TCB out of date is refused' : undefined,
    debug === 'refuse' ? 'debug environments are refused' : undefined,
    age === undefined ? undefined : `checkpoints ${seconds(age)!} old`,
    pinned.length === 0 ? undefined : `roots: ${pinned.join(', ')}`,
    named.length === 0 ? undefined : `platform keys: ${named.join(', ')}`,
  ]
  return parts.filter((part) => part !== undefined).join('; ')
}

function seconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `at most ${value} s`
}

/** A trust anchors document as rows for people. */
export function anchorsRows({
  anchors,
  inner: { sigstoreRoots, dsseKeys },
}: {
  readonly anchors: readonly TrustAnchor[]
  readonly inner: InnerAnchors
}): (readonly [string, string])[] {
  return [
    ...anchors.map(
      (anchor) => ['anchor', `${anchorName(anchor)} for ${anchorPatterns(anchor)}`] as const,
    ),
    ...sigstoreRoots.map(({ name, digest }) => ['Sigstore root', `${name} ${digest}`] as const),
    ...dsseKeys.map(
      ({ key, keyid }) =>
        ['DSSE key', fingerprint(key) + (keyid === undefined ? '' : ` as ${keyid}`)] as const,
    ),
  ]
}

/** A document as JSON, in its one member order. */
export function documentJson(document: RulesDocument): Record<string, unknown> {
  if (document.kind === 'policy') return registrationPolicyJson(document.policy)
  const bytes = encodeTrustAnchorsDocument(document.anchors, document.inner)
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
}
