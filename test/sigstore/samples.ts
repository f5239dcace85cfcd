/** The real bundles among the shared vectors, each with what is known of its signer. */
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import { findEnvelopes } from '../../src/payload/envelope-files.ts'
import type { InnerAnchors } from '../../src/policy/inner-anchors.ts'
import { trustedRootDigest } from '../../src/payload/trusted-root.ts'
import { readVector, readVectorJson } from '../support/vectors.ts'

export interface BundleSample {
  readonly name: string
  readonly bytes: Uint8Array
  readonly mediaType: string
  /** Log entry time, as the vectors' README states it. */
  readonly at: number
  readonly identity?: string
  readonly key?: string
}

const seconds = (time: string): number => Date.parse(time) / 1000
const NPM_KEY = 'SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA'
const RELEASE =
  'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main'

const FILES: readonly (readonly [
  string,
  ...Omit<BundleSample, 'name' | 'bytes' | 'mediaType'>[],
])[] = [
  [
    'bcr-rules_lint-v1.3.1.tar.gz.intoto.jsonl',
    {
      at: seconds('2025-03-26T23:47:15Z'),
      identity:
        'https://github.com/bazel-contrib/.github/.github/workflows/release_ruleset.yaml@refs/tags/v7.1.0',
    },
  ],
  [
    'npm-attestations-provenance-npm-test-cli-v1.json',
    { at: seconds('2024-05-16T17:12:06Z'), key: NPM_KEY },
    { at: seconds('2024-05-16T17:12:03Z'), identity: RELEASE },
  ],
  [
    'reusable-workflow-attestation.sigstore.json',
    {
      at: seconds('2024-05-24T19:14:24Z'),
      identity:
        'https://github.com/github/artifact-attestations-workflows/.github/workflows/attest.yml@09b495c3f12c7881b3cc17209a327792065c1a1d',
    },
  ],
  ['sigstore-js-2.1.0-bundle.json', { at: seconds('2023-08-29T15:40:23Z'), identity: RELEASE }],
]

/** All of them; the npm document has two. */
export function readSamples(): readonly BundleSample[] {
  return FILES.flatMap(([file, ...known]) => {
    const found = findEnvelopes(readVector(`sigstore/${file}`))
    return known.map((facts, at) => {
      const { envelope, mediaType } = found[at]!
      return { name: `${file} ${at}`, bytes: envelope.bytes, mediaType, ...facts }
    })
  })
}

export const trustedRoot = (): Uint8Array => readVector('sigstore/trusted_root.json')

interface NpmKeys {
  readonly keys: readonly {
    readonly keyId: string
    readonly keyUsage: string
    readonly publicKey: {
      readonly rawBytes: string
      readonly validFor: { readonly start: string; readonly end?: string }
    }
  }[]
}

/** npm's attestation keys, with their times. */
export function npmKeys(): InnerAnchors['dsseKeys'] {
  return readVectorJson<NpmKeys>('sigstore/npm-registry-keys.json')
    .keys.filter(({ keyUsage }) => keyUsage === 'npm:attestations')
    .map(({ keyId, publicKey: { rawBytes, validFor } }) => ({
      key: publicKeyFromSpki(new Uint8Array(Buffer.from(rawBytes, 'base64'))),
      keyid: keyId,
      validFrom: seconds(validFor.start),
      ...(validFor.end === undefined ? {} : { validUntil: seconds(validFor.end) }),
    }))
}

/** The public-good instance and npm's keys, as a log holds them. */
export function innerAnchors(root: Uint8Array = trustedRoot()): InnerAnchors {
  const digest = trustedRootDigest(root)
  return {
    sigstoreRoots: [{ name: 'public-good', digest, trustedRoot: root }],
    dsseKeys: npmKeys(),
  }
}

/** A bundle with one part of its JSON changed. */
export function alter(bytes: Uint8Array, change: (bundle: BundleJson) => void): Uint8Array {
  const bundle = JSON.parse(decodeUtf8(bytes)) as BundleJson
  change(bundle)
  return encodeUtf8(JSON.stringify(bundle))
}

/** As much of a bundle's JSON as tests change. */
export interface BundleJson {
  mediaType: string
  verificationMaterial: {
    certificate?: { rawBytes: string }
    x509CertificateChain?: { certificates: { rawBytes: string }[] }
    publicKey?: { hint: string }
    tlogEntries: TlogJson[]
    timestampVerificationData?: { rfc3161Timestamps?: { signedTimestamp: string }[] }
  }
  dsseEnvelope: {
    payload: string
    payloadType: string
    signatures: { sig: string; keyid?: string }[]
  }
}

interface TlogJson {
  logIndex: string
  logId: { keyId: string }
  kindVersion: { kind: string; version: string }
  integratedTime: string
  inclusionPromise?: { signedEntryTimestamp: string } | null
  inclusionProof?: { logIndex: string; hashes: string[]; checkpoint: { envelope: string } }
  canonicalizedBody: string
}

/** Base64 with one bit changed: of the byte at `at`, from the end when it is negative. */
export function flip(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64')
  const index = at < 0 ? bytes.length + at : at
  bytes[index] = bytes[index]! ^ 1
  return bytes.toString('base64')
}
