/**
 * Sigstore bundles v0.1 to v0.3 (sigstore/protobuf-specs, `sigstore_bundle.proto`), in their JSON:
 * one signature with the certificate or key hint, log entries and timestamps that go with it. Read
 * strictly: of members that exclude each other only one may be there, so that two readers cannot
 * see two things. Unknown members are tolerated; nothing here uses them. Nothing is verified here:
 * that is `bundle-verifier.ts`.
 */
import { InputError } from '../errors.ts'
import { MATERIAL, readLogEntries, readTimestamps } from './bundle-log-entries.ts'
import type { BundleVersion, BundleLogEntry } from './bundle-log-entries.ts'
import { readDsse } from './dsse.ts'
import type { DsseEnvelope } from './dsse.ts'
import {
  optionalText,
  parseEnvelopeJson,
  readBytes,
  readItems,
  readObject,
  readText,
} from './envelope-text.ts'
import { readFulcioIdentity } from './fulcio-identity.ts'
import type { FulcioIdentity } from './fulcio-identity.ts'
import { memberAt, textAt } from './json-members.ts'
import type { JsonObject } from './json-members.ts'
import { malformed } from './malformed.ts'

const CERTIFICATES_MAX = 8

export type BundleSigner =
  | { readonly kind: 'certificate'; readonly der: Uint8Array; readonly identity: FulcioIdentity }
  | { readonly kind: 'public-key'; readonly hint: string }

export type BundleContent =
  | { readonly kind: 'dsse'; readonly envelope: DsseEnvelope }
  /** A signature over an artifact that is not in the bundle. */
  | {
      readonly kind: 'message'
      readonly algorithm: string
      readonly digest: Uint8Array
      readonly signature: Uint8Array
    }

export interface SigstoreBundle {
  /** As it is written. */
  readonly mediaType: string
  readonly version: BundleVersion
  readonly signer: BundleSigner
  readonly logEntries: readonly BundleLogEntry[]
  /** How many RFC 3161 timestamps there are. */
  readonly timestamps: number
  readonly content: BundleContent
}

/** @throws PayloadError unless the bytes are one bundle of a version that is understood. */
export function parseSigstoreBundle(bytes: Uint8Array): SigstoreBundle {
  return readSigstoreBundle(parseEnvelopeJson(bytes, 'Sigstore bundle'))
}

/** {@link parseSigstoreBundle} for JSON that was parsed strictly. */
export function readSigstoreBundle(value: unknown): SigstoreBundle {
  const bundle = readObject(value, '')
  const mediaType = readText(bundle, 'mediaType', '')
  const version = bundleVersion(mediaType)
  if (version === undefined) malformed('/mediaType', 'not a bundle of version 0.1, 0.2 or 0.3')
  const material = readObject(memberAt(bundle, 'verificationMaterial'), MATERIAL)
  return {
    mediaType,
    version,
    signer: readSigner(material, version),
    logEntries: readLogEntries(material, version),
    timestamps: readTimestamps(material),
    content: readContent(bundle),
  }
}

/** True for JSON that calls itself a Sigstore bundle, of any version. */
export function looksLikeBundle(value: unknown): boolean {
  return textAt(value, 'mediaType')?.startsWith(BUNDLE_PREFIX) === true
}

const BUNDLE_PREFIX = 'application/vnd.dev.sigstore.bundle'

const MEDIA_TYPES: ReadonlyMap<string, BundleVersion> = new Map([
  [`${BUNDLE_PREFIX}+json;version=0.1`, '0.1'],
  [`${BUNDLE_PREFIX}+json;version=0.2`, '0.2'],
  // Both spellings of 0.3 were written.
  [`${BUNDLE_PREFIX}+json;version=0.3`, '0.3'],
  [`${BUNDLE_PREFIX}.v0.3+json`, '0.3'],
])

function bundleVersion(mediaType: string): BundleVersion | undefined {
  return MEDIA_TYPES.get(mediaType)
}

/** The one of `names` that is there. */
function theOneOf(parent: JsonObject, names: readonly string[], pointer: string): string {
  const [found, ...more] = names.filter((name) => memberAt(parent, name) !== undefined)
  if (found !== undefined && more.length === 0) return found
  const list = names.join(', ')
  return malformed(pointer, `expected exactly one of ${list}`)
}

function readSigner(material: JsonObject, version: BundleVersion): BundleSigner {
  const names = ['certificate', 'x509CertificateChain', 'publicKey']
  const name = theOneOf(material, names, MATERIAL)
  const pointer = `${MATERIAL}/${name}`
  const member = readObject(memberAt(material, name), pointer)
  switch (name) {
    case 'publicKey':
      return { kind: 'public-key', hint: readText(member, 'hint', pointer) }
    case 'certificate':
      return readCertificate(member, pointer)
    default: {
      if (version === '0.3') malformed(pointer, 'a bundle of version 0.3 has a certificate alone')
      const [leaf] = readItems(member, 'certificates', { pointer, countMax: CERTIFICATES_MAX })
      const at = `${pointer}/certificates/0`
      return readCertificate(readObject(leaf, at), at)
    }
  }
}

function readCertificate(member: JsonObject, pointer: string): BundleSigner {
  const der = readBytes(member, 'rawBytes', pointer)
  try {
    return { kind: 'certificate', der, identity: readFulcioIdentity(der) }
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    return malformed(`${pointer}/rawBytes`, cause.message, cause)
  }
}

const HASHES: ReadonlyMap<string, { readonly algorithm: string; readonly bytes: number }> = new Map(
  [
    ['SHA2_256', { algorithm: 'sha256', bytes: 32 }],
    ['SHA2_384', { algorithm: 'sha384', bytes: 48 }],
    ['SHA2_512', { algorithm: 'sha512', bytes: 64 }],
  ],
)

function readContent(bundle: JsonObject): BundleContent {
  const name = theOneOf(bundle, ['dsseEnvelope', 'messageSignature'], '')
  const pointer = `/${name}`
  if (name === 'dsseEnvelope') {
    const envelope = readDsse(memberAt(bundle, name), pointer)
    // The bundle has one signer, so a second signature would be nobody's.
    if (envelope.signatures.length !== 1) {
      malformed(`${pointer}/signatures`, 'a bundle has exactly one signature')
    }
    return { kind: 'dsse', envelope }
  }
  const message = readObject(memberAt(bundle, name), pointer)
  const at = `${pointer}/messageDigest`
  const hash = readObject(memberAt(message, 'messageDigest'), at)
  const known = HASHES.get(optionalText(hash, 'algorithm', at) ?? '')
  if (known === undefined) return malformed(`${at}/algorithm`, 'expected SHA2_256, _384 or _512')
  const digest = readBytes(hash, 'digest', at)
  if (digest.length !== known.bytes) malformed(`${at}/digest`, 'not as long as its algorithm says')
  const signature = readBytes(message, 'signature', pointer)
  return { kind: 'message', algorithm: known.algorithm, digest, signature }
}
