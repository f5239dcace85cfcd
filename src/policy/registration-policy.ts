/**
 * The Registration Policy and the trust anchors as the payloads of governance statements (design D4,
 * RFC 9943 §5.1.1): what a log admits, in the form that the log itself carries. Parsing is strict;
 * a member that is not understood could be a restriction, so it is refused. Out of scope: who may
 * change them, and the decision itself (decide.ts).
 */
import { decodeBase64url, encodeBase64url } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson, readList, readMembers, readText } from '../bytes/strict-json.ts'
import { algorithmByName } from '../cose/algorithms.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { AttestryError, InputError } from '../errors.ts'
import { encodeTrustAnchor, parseTrustAnchors } from '../statement/trust-anchor.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'

/** Content type of a statement whose payload is a {@link RegistrationPolicy}. */
export const REGISTRATION_POLICY_MEDIA_TYPE = 'application/vnd.attestry.registration-policy+json'
/** Content type of a statement whose payload is a trust anchors document. */
export const TRUST_ANCHORS_MEDIA_TYPE = 'application/vnd.attestry.trust-anchors+json'

/** What a log admits, beside the anchors that say who may speak. */
export interface RegistrationPolicy {
  readonly version: 1
  /** Accepted signature algorithms, by name: `ES256`, `EdDSA` … */
  readonly algorithms: readonly string[]
  /** Accepted media types; `*` stands for any text. A statement without one matches only `*`. */
  readonly contentTypes: readonly string[]
  /** Keys that may sign governance statements. */
  readonly operatorKeys: readonly PublicKey[]
}

const POLICY: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'registration policy' }
const ANCHORS: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'trust anchors document' }

/**
 * Parses the payload of a policy statement.
 * @throws InputError `ERR_TRUST_CONFIGURATION` unless it is exactly of the documented form.
 */
export function parseRegistrationPolicy(bytes: Uint8Array): RegistrationPolicy {
  const members = readMembers(
    parseStrictJson(bytes, POLICY),
    { required: ['version', 'algorithms', 'contentTypes', 'operatorKeys'] },
    POLICY,
  )
  requireVersion(members['version'], POLICY)
  return {
    version: 1,
    algorithms: nonEmptyList(members['algorithms'], 'algorithms').map(readAlgorithm),
    contentTypes: nonEmptyList(members['contentTypes'], 'content types').map((item) =>
      readText(item, { ...POLICY, what: 'content type of the registration policy' }),
    ),
    operatorKeys: nonEmptyList(members['operatorKeys'], 'operator keys').map(readKey),
  }
}

/** The policy's one serialisation: members in the documented order, no white space. */
export function encodeRegistrationPolicy(policy: RegistrationPolicy): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      version: policy.version,
      algorithms: policy.algorithms,
      contentTypes: policy.contentTypes,
      operatorKeys: policy.operatorKeys.map((key) => encodeBase64url(encodeCoseKey(key))),
    }),
  )
}

/**
 * Parses the payload of a trust anchors statement. An empty list is legal: it admits nobody.
 * @throws InputError `ERR_TRUST_CONFIGURATION` unless it is exactly of the documented form.
 */
export function parseTrustAnchorsDocument(bytes: Uint8Array): readonly TrustAnchor[] {
  const members = readMembers(
    parseStrictJson(bytes, ANCHORS),
    { required: ['version', 'anchors'] },
    ANCHORS,
  )
  requireVersion(members['version'], ANCHORS)
  return parseTrustAnchors(members['anchors'])
}

/** The serialisation of a trust anchors document. */
export function encodeTrustAnchorsDocument(anchors: readonly TrustAnchor[]): Uint8Array {
  return encodeUtf8(JSON.stringify({ version: 1, anchors: anchors.map(encodeTrustAnchor) }))
}

/** True for the media types by which a log is governed, whatever their case and parameters. */
export function isGovernanceMediaType(contentType: string): boolean {
  const name = mediaTypeName(contentType)
  return name === REGISTRATION_POLICY_MEDIA_TYPE || name === TRUST_ANCHORS_MEDIA_TYPE
}

/** The type name alone: parameters are cut, case and outer space do not count (RFC 9110 §8.3.1). */
export function mediaTypeName(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase()
}

function requireVersion(version: unknown, context: JsonContext): void {
  if (version !== 1) {
    throw new InputError(context.code, `${context.what} is not of version 1`)
  }
}

function nonEmptyList(value: unknown, what: string): readonly unknown[] {
  const list = readList(value, { ...POLICY, what: `${what} of the registration policy` })
  if (list.length === 0) {
    throw new InputError(POLICY.code, `registration policy lists no ${what}`)
  }
  return list
}

function readAlgorithm(value: unknown): string {
  const name = readText(value, { ...POLICY, what: 'algorithm of the registration policy' })
  asConfiguration(`registration policy names an unknown algorithm "${name}"`, () =>
    algorithmByName(name),
  )
  return name
}

function readKey(value: unknown): PublicKey {
  const text = readText(value, { ...POLICY, what: 'operator key of the registration policy' })
  return asConfiguration('operator key of the registration policy is not a COSE_Key', () =>
    parseCoseKey(decodeBase64url(text)),
  )
}

function asConfiguration<T>(message: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    throw new InputError('ERR_TRUST_CONFIGURATION', message, { cause })
  }
}
