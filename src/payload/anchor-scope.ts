/**
 * What an anchor, or a delegation, may speak about (R3, R7): its patterns for subjects, predicate
 * types and builder ids held against one statement. Both sides use it, the registry at admission and
 * a relying party at verification. What cannot be read counts as not allowed.
 */
import { coversPattern, matchesPattern } from '../statement/issuer-pattern.ts'
import type { AnchorScope } from '../statement/trust-anchor.ts'
import type { InTotoSubject } from './in-toto.ts'
import { isProvenance } from './slsa-provenance.ts'
import type { PayloadFacts } from './registration-facts.ts'

/** Patterns that narrow who speaks; an absent list allows anything. */
export type Scope = Omit<AnchorScope, 'issuers'>

/** Stable name of the pattern list that a statement falls outside of. */
export type ScopeRule = 'anchor-subject' | 'anchor-predicate-type' | 'anchor-builder-id'

/** Why a statement is outside of a scope. */
export interface ScopeViolation {
  readonly rule: ScopeRule
  readonly reason: string
  /** True when the content is not at hand: with it, the answer may be another. */
  readonly withheld: boolean
}

/** What is held against a scope. */
export interface SpokenAbout {
  /** CWT claim `sub`. */
  readonly subject: string | undefined
  readonly facts: PayloadFacts
}

/** True when some list of the scope narrows it. */
export function isNarrowed({ subjects, predicateTypes, builderIds }: Scope): boolean {
  return subjects !== undefined || predicateTypes !== undefined || builderIds !== undefined
}

/** The first list of patterns that the statement falls outside of, or `undefined` when it is inside. */
export function findScopeViolation(scope: Scope, spoken: SpokenAbout): ScopeViolation | undefined {
  return (
    subjectViolation(scope.subjects, spoken) ??
    predicateTypeViolation(scope.predicateTypes, spoken) ??
    builderViolation(scope.builderIds, spoken)
  )
}

/**
 * The claim `sub` has to match, and so has every package URL by which the payload names a subject:
 * otherwise a key for one package could speak about another behind an innocent claim. File names,
 * which most provenance has for names, identify nothing and do not count.
 */
function subjectViolation(
  patterns: readonly string[] | undefined,
  { subject, facts }: SpokenAbout,
): ScopeViolation | undefined {
  if (patterns === undefined || patterns.includes('*')) return undefined
  const payload = unreadable('anchor-subject', facts, { withheldMatters: false })
  if (payload !== undefined) return payload
  const named = facts.kind === 'in-toto' ? facts.statement.subjects.flatMap(packageUrls) : []
  const outside = [subject ?? '', ...named].find((text) => !matchesAny(patterns, text))
  if (outside === undefined) return undefined
  return violation('anchor-subject', `may not speak about the subject "${outside}"`)
}

/** The package URLs of a subject: leading space or another case does not hide one. */
function packageUrls({ name, uri }: InTotoSubject): string[] {
  return [name, uri].filter((text) => text !== undefined && /^\s*pkg:/i.test(text)) as string[]
}

/** A statement without a predicate type matches only `*`, as one without a media type does. */
function predicateTypeViolation(
  patterns: readonly string[] | undefined,
  { facts }: SpokenAbout,
): ScopeViolation | undefined {
  if (patterns === undefined || patterns.includes('*')) return undefined
  const payload = unreadable('anchor-predicate-type', facts)
  if (payload !== undefined) return payload
  if (facts.kind !== 'in-toto') {
    return violation(
      'anchor-predicate-type',
      'may only state listed predicate types; there is none',
    )
  }
  const { predicateType } = facts.statement
  if (matchesAny(patterns, predicateType)) return undefined
  return violation('anchor-predicate-type', `may not state the predicate type "${predicateType}"`)
}

/**
 * A provenance has to name a builder that the anchor may speak for. Other in-toto statements name
 * none and pass; what is no in-toto Statement could carry a provenance unseen and does not.
 */
function builderViolation(
  patterns: readonly string[] | undefined,
  { facts }: SpokenAbout,
): ScopeViolation | undefined {
  if (patterns === undefined || patterns.includes('*')) return undefined
  const payload = unreadable('anchor-builder-id', facts)
  if (payload !== undefined) return payload
  if (facts.kind !== 'in-toto') {
    return violation(
      'anchor-builder-id',
      'may only speak for listed builders; this is no in-toto Statement',
    )
  }
  const { provenance, predicateType } = facts.statement
  if (provenance === undefined) {
    if (!isProvenance(facts.statement)) return undefined
    return violation('anchor-builder-id', `no builder can be read from "${predicateType}"`)
  }
  if (matchesAny(patterns, provenance.builderId)) return undefined
  return violation('anchor-builder-id', `may not speak for the builder "${provenance.builderId}"`)
}

function unreadable(
  rule: ScopeRule,
  facts: PayloadFacts,
  { withheldMatters = true }: { readonly withheldMatters?: boolean } = {},
): ScopeViolation | undefined {
  if (facts.kind === 'malformed') return violation(rule, `cannot be held to it: ${facts.reason}`)
  if (facts.kind !== 'withheld' || !withheldMatters) return undefined
  const reason = 'cannot be held to it: only a digest of the content is here'
  return { ...violation(rule, reason), withheld: true }
}

function violation(rule: ScopeRule, what: string): ScopeViolation {
  return { rule, reason: `the signer ${what}`, withheld: false }
}

/** True when `text` matches one of the patterns. */
export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, text))
}

/** What a narrower scope says more than the wider one allows, or `undefined` when it is inside. */
export function findWidening(wider: Scope, narrower: Scope): string | undefined {
  for (const [name, outer, inner] of [
    ['subjects', wider.subjects, narrower.subjects],
    ['predicateTypes', wider.predicateTypes, narrower.predicateTypes],
    ['builderIds', wider.builderIds, narrower.builderIds],
  ] as const) {
    if (outer === undefined) continue
    const wide = (inner ?? ['*']).find((one) => !outer.some((other) => coversPattern(other, one)))
    if (wide !== undefined) return `${name} "${wide}"`
  }
  return undefined
}
