/**
 * Media types: how they are read from a header, and those by which a log governs itself (design D4,
 * D5): statements of these are admitted by rules of their own, never by the lists of a policy.
 */

/** A statement whose payload is a Registration Policy. */
export const REGISTRATION_POLICY_MEDIA_TYPE = 'application/vnd.attestry.registration-policy+json'
/** A statement whose payload is a trust anchors document. */
export const TRUST_ANCHORS_MEDIA_TYPE = 'application/vnd.attestry.trust-anchors+json'
/** A statement by which an issuer lets another key speak for it (R7). */
export const DELEGATION_MEDIA_TYPE = 'application/vnd.attestry.delegation+json'
/** A statement that ends a delegation. */
export const DELEGATION_REVOCATION_MEDIA_TYPE =
  'application/vnd.attestry.delegation-revocation+json'
/** A statement by the registrar that commits to registration times and collateral. */
export const REGISTRATION_JOURNAL_MEDIA_TYPE = 'application/vnd.attestry.registration-journal+json'
/** A statement by which the operator says that the content of hash envelopes was deleted (D1). */
export const PAYLOAD_PRUNING_MEDIA_TYPE = 'application/vnd.attestry.payload-pruning+json'

/** What a statement does to the log that carries it. */
export type GovernanceKind =
  | 'policy'
  | 'trust-anchors'
  | 'delegation'
  | 'delegation-revocation'
  | 'journal'
  | 'payload-pruning'

const KINDS: ReadonlyMap<string, GovernanceKind> = new Map([
  [REGISTRATION_POLICY_MEDIA_TYPE, 'policy'],
  [TRUST_ANCHORS_MEDIA_TYPE, 'trust-anchors'],
  [DELEGATION_MEDIA_TYPE, 'delegation'],
  [DELEGATION_REVOCATION_MEDIA_TYPE, 'delegation-revocation'],
  [REGISTRATION_JOURNAL_MEDIA_TYPE, 'journal'],
  [PAYLOAD_PRUNING_MEDIA_TYPE, 'payload-pruning'],
])

export const GOVERNANCE_KINDS: readonly GovernanceKind[] = [...KINDS.values()]

/** The kind that a media type names, whatever its case and parameters. */
export function governanceKind(contentType: string): GovernanceKind | undefined {
  return KINDS.get(mediaTypeName(contentType))
}

/**
 * True when a statement of this kind changes how later ones are decided: it closes its batch, and
 * what is waiting is decided again (design D4). Journals and prunings change nothing.
 */
export function changesDecisions(kind: GovernanceKind): boolean {
  return kind !== 'journal' && kind !== 'payload-pruning'
}

/** True for the policy and the trust anchors, whatever the case and parameters of the type. */
export function isGovernanceMediaType(contentType: string): boolean {
  const kind = governanceKind(contentType)
  return kind === 'policy' || kind === 'trust-anchors'
}

/** The type name alone: parameters are cut, case and outer space do not count (RFC 9110 §8.3.1). */
export function mediaTypeName(contentType: string): string {
  return parseMediaType(contentType).name
}

/** A media type as its text was read: what decides is `name`, parameters refine it. */
export interface MediaType {
  /** `type/subtype` in lower case; the empty text when there is none. */
  readonly name: string
  /** Names in lower case; values without their quotes, otherwise as written. */
  readonly parameters: ReadonlyMap<string, string>
}

/** CoAP Content-Formats (RFC 7252 §12.3) that statements are labelled with instead of a text. */
const CONTENT_FORMATS: ReadonlyMap<number, string> = new Map([
  [0, 'text/plain'],
  [18, 'application/cose; cose-type="cose-sign1"'],
  [42, 'application/octet-stream'],
  [50, 'application/json'],
  [60, 'application/cbor'],
  [61, 'application/cwt'],
  [101, 'application/cose-key'],
  [102, 'application/cose-key-set'],
  [263, 'application/eat+cwt'],
  [264, 'application/eat+jwt'],
  [265, 'application/eat-bun+cbor'],
  [266, 'application/eat-bun+json'],
  [267, 'application/eat-ucs+cbor'],
  [268, 'application/eat-ucs+json'],
  [277, 'application/scitt-statement+cose'],
  [278, 'application/scitt-receipt+cose'],
])

/** Types that were read last: every registration asks several times, and statements have few. */
const READ_MAX = 256
/** Longer texts are read each time, so that what is kept is small. */
const READ_LENGTH_MAX = 256
const read = new Map<string, MediaType>()

/** The media type that label 3 or 259 names; an unknown number is written `content-format/<n>`. */
export function parseMediaType(contentType: string | number | undefined): MediaType {
  const text =
    typeof contentType === 'number'
      ? (CONTENT_FORMATS.get(contentType) ?? `content-format/${contentType}`)
      : (contentType ?? '')
  const known = read.get(text)
  if (known !== undefined) return known
  const type = readMediaType(text)
  if (text.length > READ_LENGTH_MAX) return type
  // Whoever sends as many types as this only makes the next ones be read again.
  if (read.size >= READ_MAX) read.clear()
  read.set(text, type)
  return type
}

/** How many texts are kept, for tests: never more than a few hundred. */
export function mediaTypesKept(): number {
  return read.size
}

/**
 * Parameters are read when they are asked for: there may be tens of thousands, and all that is asked about a
 * statement before its issuer is known follows from the name.
 */
function readMediaType(text: string): MediaType {
  let parameters: ReadonlyMap<string, string> | undefined
  return {
    name: text.split(';', 1)[0]!.trim().toLowerCase(),
    get parameters() {
      return (parameters ??= readParameters(text))
    },
  }
}

function readParameters(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  // A parameter, or what is between two semicolons and is none.
  for (const part of text.match(/;[^;"]*(?:"[^"]*")?[^;"]*/g) ?? []) {
    const equals = part.indexOf('=')
    if (equals < 0) continue
    const name = part.slice(1, equals).trim().toLowerCase()
    parameters.set(
      name,
      part
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    )
  }
  return parameters
}
