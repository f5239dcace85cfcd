/**
 * Trust anchors (RFC 9943 §5.1.1.1): who may speak for which issuers. One JSON form serves the
 * registry's trust-anchors statement and a relying party's trust file:
 *
 *     {"kind": "cose-key", "coseKey": "<base64url COSE_Key>", "issuers": ["https://acme.example"]}
 *     {"kind": "x509-root", "certificate": "<base64 DER>", "issuers": ["*"]}
 *     {"kind": "did-x509-root", "fingerprint": "sha256:<base64url>", "issuers": ["did:x509:*"]}
 *     {"kind": "attested-service", "endorsers": […], "issuers": ["did:attestedsvc:…"]} (attested-service.ts)
 *
 * Each may have "subjects", "predicateTypes" and "builderIds", lists of patterns that narrow it.
 * Unknown members are refused: a reader that cannot use a field must not pretend that it did.
 */
import { decodeBase64, decodeBase64url, encodeBase64, encodeBase64url } from '../bytes/base64.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { AttestryError, InputError } from '../errors.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'
import { attestedServiceJson, parseAttestedService, SERVICE_MEMBERS } from './attested-service.ts'
import type { AttestedService } from './attested-service.ts'

export type FingerprintHash = 'SHA-256' | 'SHA-384' | 'SHA-512'

/** What an anchor may speak about: lists of patterns with `*`, each never empty. */
export interface AnchorScope {
  readonly issuers: readonly string[]
  /** Subjects that it may speak about; any when absent. */
  readonly subjects?: readonly string[]
  /** Predicate types that it may state; any, and none at all, when absent. */
  readonly predicateTypes?: readonly string[]
  /** Builder ids that it may speak for: signer-builder pairs; any when absent. */
  readonly builderIds?: readonly string[]
}

/** An anchor and what it may speak about. */
export type TrustAnchor = AnchorScope &
  (
    | { readonly kind: 'cose-key'; readonly key: PublicKey }
    | { readonly kind: 'x509-root'; readonly certificate: Certificate }
    | {
        readonly kind: 'did-x509-root'
        readonly fingerprint: { readonly hash: FingerprintHash; readonly value: Uint8Array }
      }
    | { readonly kind: 'attested-service'; readonly service: AttestedService }
  )

/** JSON form of an anchor. */
export type TrustAnchorJson = Readonly<Record<string, unknown>>

/** Members that narrow an anchor; what each means is decided in `payload/anchor-scope.ts`. */
export const ANCHOR_RESTRICTIONS = ['subjects', 'predicateTypes', 'builderIds'] as const

const FINGERPRINT_HASHES: Readonly<Record<string, { hash: FingerprintHash; length: number }>> = {
  sha256: { hash: 'SHA-256', length: 32 },
  sha384: { hash: 'SHA-384', length: 48 },
  sha512: { hash: 'SHA-512', length: 64 },
}
/** Kinds whose one value is a text, and the member that holds it. */
const MEMBERS = {
  'cose-key': 'coseKey',
  'x509-root': 'certificate',
  'did-x509-root': 'fingerprint',
} as const

export function fail(message: string): never {
  throw new InputError('ERR_TRUST_CONFIGURATION', message)
}

/**
 * Parses the JSON array of anchors.
 * @throws InputError `ERR_TRUST_CONFIGURATION` that names the position.
 */
export function parseTrustAnchors(json: unknown): TrustAnchor[] {
  if (!Array.isArray(json)) fail('trust anchors are an array')
  return json.map((item: unknown, position) => {
    try {
      return parseAnchor(item)
    } catch (cause) {
      if (!(cause instanceof AttestryError)) throw cause
      throw new InputError('ERR_TRUST_CONFIGURATION', `anchor ${position}: ${cause.message}`, {
        cause,
      })
    }
  })
}

function parseAnchor(json: unknown): TrustAnchor {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) fail('not an object')
  const { kind, issuers, ...rest } = json as Record<string, unknown>
  if (kind === 'attested-service') {
    const { own, restrictions } = split(rest, SERVICE_MEMBERS, kind)
    return { kind, service: parseAttestedService(own), ...parseScope(issuers, restrictions) }
  }
  if (typeof kind !== 'string' || !Object.hasOwn(MEMBERS, kind)) fail('unknown kind')
  const member = MEMBERS[kind as keyof typeof MEMBERS]
  const { own, restrictions } = split(rest, [member], kind)
  const { [member]: value } = own
  if (typeof value !== 'string') fail(`a ${kind} anchor has the text ${member}`)
  const scope = parseScope(issuers, restrictions)
  switch (kind as keyof typeof MEMBERS) {
    case 'cose-key':
      return { kind: 'cose-key', key: parseCoseKey(decodeBase64url(value)), ...scope }
    case 'x509-root':
      return { kind: 'x509-root', certificate: parseCertificate(decodeBase64(value)), ...scope }
    case 'did-x509-root':
      return { kind: 'did-x509-root', fingerprint: parseFingerprint(value), ...scope }
  }
}

/** Members of the kind's own, and those that narrow any anchor; there are no others. */
function split(
  members: Readonly<Record<string, unknown>>,
  ownNames: readonly string[],
  kind: string,
): Record<'own' | 'restrictions', Record<string, unknown>> {
  const restrictions: readonly string[] = ANCHOR_RESTRICTIONS
  const own: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(members)) {
    if (ownNames.includes(name)) own[name] = value
    else if (restrictions.includes(name)) rest[name] = value
    else {
      const known = ['kind', 'issuers', ...ownNames].join(', ')
      fail(`a ${kind} anchor has ${known}, perhaps ${restrictions.join(', ')}, and nothing else`)
    }
  }
  return { own, restrictions: rest }
}

function parseScope(
  issuers: unknown,
  restrictions: Readonly<Record<string, unknown>>,
): AnchorScope {
  return {
    issuers: parsePatterns(issuers, 'issuers'),
    ...Object.fromEntries(
      Object.entries(restrictions).map(([name, list]) => [name, parsePatterns(list, name)]),
    ),
  }
}

export function parsePatterns(value: unknown, name: string): readonly string[] {
  const isList =
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
  return isList ? value : fail(`${name} is a non-empty array of patterns`)
}

function parseFingerprint(text: string): { hash: FingerprintHash; value: Uint8Array } {
  const [name = '', encoded, ...more] = text.split(':')
  const known = Object.hasOwn(FINGERPRINT_HASHES, name) ? FINGERPRINT_HASHES[name] : undefined
  if (known === undefined || encoded === undefined || more.length > 0) {
    fail('a fingerprint is sha256:, sha384: or sha512: and base64url')
  }
  const value = decodeBase64url(encoded)
  if (value.length !== known.length) fail(`a ${name} fingerprint has ${known.length} bytes`)
  return { hash: known.hash, value }
}

/** JSON form of `anchor`. */
export function encodeTrustAnchor(anchor: TrustAnchor): TrustAnchorJson {
  const { kind, issuers } = anchor
  const restrictions = Object.fromEntries(
    ANCHOR_RESTRICTIONS.flatMap((name) => {
      const patterns = anchor[name]
      return patterns === undefined ? [] : [[name, patterns]]
    }),
  )
  return { kind, ...encodeAnchorValue(anchor), issuers, ...restrictions }
}

function encodeAnchorValue(anchor: TrustAnchor): TrustAnchorJson {
  switch (anchor.kind) {
    case 'cose-key':
      return { coseKey: encodeBase64url(encodeCoseKey(anchor.key)) }
    case 'x509-root':
      return { certificate: encodeBase64(anchor.certificate.der) }
    case 'did-x509-root': {
      const name = anchor.fingerprint.hash.toLowerCase().replace('-', '')
      return { fingerprint: `${name}:${encodeBase64url(anchor.fingerprint.value)}` }
    }
    case 'attested-service':
      return attestedServiceJson(anchor.service)
  }
}
