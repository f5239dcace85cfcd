/**
 * What a statement says, in one vocabulary for all kinds: digests it names, attributes, numbers, and
 * what is remarkable about it. The index stores it, queries filter by it, and an auditor computes the
 * same from the entry alone, so a description depends on nothing but the bytes it was made of.
 */

/** Kinds of statements. `opaque`: nobody here reads the payload; it never counts in a verdict. */
export const STATEMENT_KINDS = [
  // provenance
  'provenance',
  'vsa',
  'svr',
  'scai',
  'release',
  'link',
  'reference',
  'runtime-trace',
  'run-outcome',
  'publish',
  'endorsement',
  'sbom',
  // dependency evaluations
  'scorecard',
  'vulns',
  'vex',
  'test-result',
  'osv',
  'security-insights',
  's2c2f',
  // TEE attestations
  'tee-evidence',
  'tee-result',
  'reference-values',
  'collateral',
  // governance
  'incident',
  'exception',
  'retraction',
  'policy',
  'trust-anchors',
  'delegation',
  'delegation-revocation',
  'journal',
  'payload-pruning',
  // an in-toto Statement with a predicate type that nobody here reads
  'in-toto',
  'opaque',
] as const
export type StatementKind = (typeof STATEMENT_KINDS)[number]

/** What a digest is to the statement. */
export type DigestRole = 'subject' | 'dependency' | 'evidence'

/** A digest as it is written: `value` is text, lower-case hex for hashes (statements.md §3.1). */
export interface DescribedDigest {
  readonly role: DigestRole
  readonly algorithm: string
  readonly value: string
}

/** Names of what a statement can be found by, beside digests. */
export type AttributeName =
  | 'purl'
  | 'package'
  | 'repository'
  | 'workflow'
  | 'builder-id'
  | 'build-type'
  | 'invocation-id'
  | 'run-url'
  | 'build-image'
  | 'verifier-id'
  | 'resource-uri'
  | 'policy-uri'
  | 'level'
  | 'property'
  | 'result'
  | 'scai-attribute'
  | 'attester-id'
  | 'producer'
  | 'vulnerability'
  | 'vex-status'
  | 'severity'
  | 'tool'
  | 'document-id'
  | 'practice'
  | 'incident-id'
  | 'target-entry'
  // the identity inside a wrapped envelope
  | 'inner-identity'
  | 'inner-issuer'
  | 'inner-certificate'
  | 'inner-key'
  | 'rekor-log-index'
  // of a provenance, so that evidence about it is found: what was signed, and a certificate's key
  | 'payload-sha256'
  | 'signer-key'
  // TEE attestations
  | 'tee-type'
  | 'measurement'
  | 'tcb-status'
  // `<name>:<hex of fixed width>`: two of one name compare byte by byte
  | 'tcb-svn'
  | 'advisory'
  | 'fmspc'
  | 'debug'
  | 'platform-certificate'
  | 'binding'
  | 'bound-key'
  | 'report-data'
  // `<before>:<after>`, of an appraisal that was made again
  | 'tcb-change'
  // `<claim>:<value>` of whoever submitted: beside the statement (policy/submitter-attributes.ts)
  | 'submitter'

/** `value` may begin with a qualifier and a colon, as in `mrtd:…` or `AUD-1:evidenced`. */
export interface DescribedAttribute {
  readonly name: AttributeName
  readonly value: string
}

/** The qualifier and what follows its colon, as in a `measurement` or a `tcb-svn`. */
export function splitNamed(text: string): { readonly name: string; readonly value: string } {
  const at = text.lastIndexOf(':')
  return { name: text.slice(0, Math.max(0, at)), value: text.slice(at + 1) }
}

/**
 * An attribute as it is kept and asked for. Hex, and the ids of CVE, GitHub, Intel and AMD, mean the same in
 * any case; of a measurement, that is its value. Everything else is as it is written.
 */
export function canonicalAttribute(name: AttributeName, text: string): string {
  switch (name) {
    case 'measurement': {
      const { name: register, value } = splitNamed(text)
      return register === '' ? value.toLowerCase() : `${register}:${value.toLowerCase()}`
    }
    case 'vulnerability':
    case 'advisory':
      if (/^(cve|intel-sa|amd-sb)-[0-9-]+$/i.test(text)) return text.toUpperCase()
      return /^ghsa(-[0-9a-z]{4}){3}$/i.test(text) ? `GHSA${text.slice(4).toLowerCase()}` : text
    case 'fmspc':
    case 'platform-certificate':
    case 'bound-key':
      return /^[0-9a-f]+$/i.test(text) ? text.toLowerCase() : text
    default:
      return text
  }
}

/** Names of numbers that ranges are asked of. Times are seconds since 1970. */
export type NumberName =
  | 'score'
  | 'conformance-level'
  | 'severity-score'
  | 'started-on'
  | 'finished-on'
  | 'evaluated-on'
  | 'database-updated-on'
  | 'expires-on'
  | 'integrated-on'
  | 'evidence-time'
  | 'tcb-date'
  | 'tcb-evaluation-number'

export interface DescribedNumber {
  readonly name: NumberName
  readonly value: number
}

/** Something remarkable that refuses nothing: a level that does not follow, an alias, a check not made. */
export interface Finding {
  /** Stable, lower-case with dashes. */
  readonly code: string
  /** JSON Pointer (RFC 6901) into the payload, where there is one. */
  readonly pointer?: string
  readonly message: string
}

/** What one statement says. Lists have no duplicates; their order means nothing. */
export interface Description {
  readonly kind: StatementKind
  /** The predicate type, or the media type without parameters, or the empty text. */
  readonly type: string
  readonly digests: readonly DescribedDigest[]
  readonly attributes: readonly DescribedAttribute[]
  readonly numbers: readonly DescribedNumber[]
  readonly findings: readonly Finding[]
}
