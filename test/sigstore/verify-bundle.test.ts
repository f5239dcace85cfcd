/**
 * Real bundles under the real public-good root, and twins of them with one layer broken. Nothing here
 * reads a clock: their certificates expired ten minutes after they were made.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { InputError, VerificationError } from '../../src/errors.ts'
import { BundleChecker } from '../../src/sigstore/verify-bundle.ts'
import { hasVectors } from '../support/vectors.ts'
import { alter, flip, npmKeys, readSamples, trustedRoot } from './samples.ts'
import type { BundleJson, BundleSample } from './samples.ts'

const samples = hasVectors ? readSamples() : []
const keys = hasVectors ? npmKeys().map(({ key, ...rest }) => ({ spki: key.spki, ...rest })) : []
const [bcr, publish, npm, reusable, js] = samples as [
  BundleSample,
  BundleSample,
  BundleSample,
  BundleSample,
  BundleSample,
]

/** The trusted root with a member changed. */
function rootWith(change: (root: Record<string, unknown[]>) => void): Uint8Array {
  const root = JSON.parse(decodeUtf8(trustedRoot())) as Record<string, unknown[]>
  change(root)
  return encodeUtf8(JSON.stringify(root))
}

describe.skipIf(!hasVectors)('a real bundle', () => {
  let root: Uint8Array
  const checker = new BundleChecker()
  const verify = (bundle: Uint8Array, trusted = root) =>
    checker.verify({ bundle, trustedRoot: trusted, keys })
  const refusal = (bundle: Uint8Array, trusted = root): string => {
    try {
      verify(bundle, trusted)
    } catch (error) {
      if (error instanceof VerificationError) return error.message
      throw error
    }
    throw new Error('it verified')
  }
  beforeAll(() => {
    root = trustedRoot()
  })

  it.each(samples)('verifies under the public-good root: $name', ({ bytes, identity, key }) => {
    const found = verify(bytes)
    expect(found.subject).toBe(identity)
    if (key !== undefined) expect(found).toEqual({})
    else expect(found.issuer).toBe('https://token.actions.githubusercontent.com')
  })

  it('verifies again, and from a root file of several lines', () => {
    const none = rootWith((json) => {
      for (const name of ['tlogs', 'ctlogs', 'certificateAuthorities']) json[name] = []
      json['certificateAuthorities'] = [structuredClone(firstAuthority(root))]
    })
    const line = JSON.stringify(JSON.parse(decodeUtf8(root)))
    const lines = encodeUtf8(`${decodeUtf8(none)}\n${line}\n`)
    expect(verify(bcr.bytes, lines).subject).toBe(bcr.identity)
    expect(verify(bcr.bytes).subject).toBe(bcr.identity)
  })

  type Twin = [string, BundleSample, (bundle: BundleJson) => void, RegExp]
  const tlog = ({ verificationMaterial }: BundleJson) => verificationMaterial.tlogEntries[0]!
  const dsse = ({ dsseEnvelope }: BundleJson) => dsseEnvelope
  const leaf = ({ verificationMaterial: material }: BundleJson) =>
    material.certificate ?? material.x509CertificateChain!.certificates[0]!
  const twins: Twin[] = hasVectors
    ? [
        ['signature of the certificate', bcr, (b) => (leaf(b).rawBytes = flip(leaf(b).rawBytes, -3)), /CERTIFICATE_ERROR/],
        ['certificate of another bundle', bcr, (b) => (leaf(b).rawBytes = leafOf(reusable)), /CERTIFICATE_ERROR|SIGNATURE/],
        ['certificate of another time', js, (b) => (leaf(b).rawBytes = leafOf(npm)), /CERTIFICATE_ERROR/],
        ['signature of the envelope', bcr, (b) => (dsse(b).signatures[0]!.sig = flip(dsse(b).signatures[0]!.sig, -1)), /TLOG_BODY_ERROR|SIGNATURE/],
        ['byte of the payload', bcr, (b) => (dsse(b).payload = flip(dsse(b).payload, 200)), /TLOG_BODY_ERROR/],
        ['payload type', bcr, (b) => (dsse(b).payloadType = 'application/vnd.in-toto+jsom'), /SIGNATURE_ERROR/],
        ['log entry left out', bcr, (b) => (b.verificationMaterial.tlogEntries = []), /TIMESTAMP_ERROR/],
        ['log entry of another bundle', reusable, (b) => (b.verificationMaterial.tlogEntries = tlogOf(bcr)), /ERROR/],
        ['log entry twice', bcr, (b) => b.verificationMaterial.tlogEntries.push(tlog(b)), /duplicate timestamp/],
        ['integrated time', bcr, (b) => (tlog(b).integratedTime = String(bcr.at + 1)), /TLOG_INCLUSION_PROMISE_ERROR/],
        ['index in the log', bcr, (b) => (tlog(b).logIndex = '1'), /TLOG_INCLUSION_PROMISE_ERROR/],
        ['body of the log entry', bcr, (b) => (tlog(b).canonicalizedBody = flip(tlog(b).canonicalizedBody, 60)), /TLOG/],
        ['inclusion promise', bcr, (b) => (tlog(b).inclusionPromise!.signedEntryTimestamp = flip(tlog(b).inclusionPromise!.signedEntryTimestamp, -1)), /TLOG_INCLUSION_PROMISE_ERROR/],
        ['promise left out, so that nothing vouches for the time', bcr, (b) => (tlog(b).inclusionPromise = null), /TIMESTAMP_ERROR/],
        ['inclusion path', bcr, (b) => (tlog(b).inclusionProof!.hashes[0] = flip(tlog(b).inclusionProof!.hashes[0]!, 0)), /TLOG_INCLUSION_PROOF_ERROR/],
        ['checkpoint', bcr, (b) => (tlog(b).inclusionProof!.checkpoint.envelope = tlog(b).inclusionProof!.checkpoint.envelope.replace('66718530', '66718531')), /TLOG_INCLUSION_PROOF_ERROR/],
        ['inclusion proof left out', bcr, (b) => delete tlog(b).inclusionProof, /inclusion proof/],
        ['log that the root does not know', bcr, (b) => (tlog(b).logId.keyId = flip(tlog(b).logId.keyId, 0)), /TLOG_INCLUSION_PROMISE_ERROR/],
        ['second signature', bcr, (b) => dsse(b).signatures.push({ sig: dsse(b).signatures[0]!.sig }), /exactly one signature/],
        ['two kinds of signer', bcr, (b) => (b.verificationMaterial.publicKey = { hint: 'x' }), /exactly one of/],
        ['key hint that nobody knows', publish, (b) => (b.verificationMaterial.publicKey!.hint = 'SHA256:unknown'), /PUBLIC_KEY_ERROR/],
        ['hint with a name of the language', publish, (b) => (b.verificationMaterial.publicKey!.hint = '__proto__'), /PUBLIC_KEY_ERROR/],
        ['signature by a key', publish, (b) => (dsse(b).signatures[0]!.sig = flip(dsse(b).signatures[0]!.sig, -1)), /TLOG_BODY_ERROR/],
        ['name in the checkpoint that is an expression', bcr, (b) => (tlog(b).inclusionProof!.checkpoint.envelope = tlog(b).inclusionProof!.checkpoint.envelope.replace('\u2014 rekor.sigstore.dev', '\u2014 ((.+)+)+!')), /a name that is none/],
        ['version that is none', bcr, (b) => (b.mediaType = 'application/vnd.dev.sigstore.bundle.v0.9+json'), /version/],
        ['chain in a bundle that may have none', npm, (b) => (b.mediaType = bcr.mediaType), /version 0.3/],
      ] // prettier-ignore
    : []
  it.each(twins)('is refused with another %s', (_, sample, change, why) => {
    expect(refusal(alter(sample.bytes, change))).toMatch(why)
  })

  it('is refused when it is cut short, or is nothing', () => {
    for (const end of [0, 1, 100, bcr.bytes.length - 1]) refusal(bcr.bytes.subarray(0, end))
    refusal(encodeUtf8('{"mediaType":{}}'))
  })

  it('is refused under a root that lists other logs, other authorities or no key for its SCT', () => {
    const otherKey = (list: unknown[]): void => {
      const { publicKey } = list.at(-1) as { publicKey: { rawBytes: string } }
      publicKey.rawBytes = (list[0] as { publicKey: { rawBytes: string } }).publicKey.rawBytes
    }
    const noSct = rootWith(({ ctlogs }) => otherKey(ctlogs!))
    expect(refusal(bcr.bytes, noSct)).toMatch(/SCT verification failed/)
    const noAuthority = rootWith((json) => {
      json['certificateAuthorities'] = [structuredClone(firstAuthority(root))]
    })
    expect(refusal(bcr.bytes, noAuthority)).toMatch(/CERTIFICATE_ERROR/)
    const noLog = rootWith((json) => json['tlogs']!.shift())
    expect(refusal(bcr.bytes, noLog)).toMatch(/TLOG/)
  })

  it('has to bring what the root lists: leaving the log out of the root, not of the bundle, waives it', () => {
    const withoutLog = alter(bcr.bytes, (bundle) => (bundle.verificationMaterial.tlogEntries = []))
    expect(refusal(withoutLog)).toMatch(/TIMESTAMP_ERROR/)
  })

  it('counts a key only at the times that the key has', () => {
    const late = keys.map((key) => ({ ...key, validFrom: publish.at + 1 }))
    const early = keys.map((key) => ({ ...key, validUntil: publish.at - 1 }))
    for (const times of [late, early]) {
      const request = { bundle: publish.bytes, trustedRoot: root, keys: times }
      expect(() => checker.verify(request)).toThrow(/Public key is not valid/)
    }
    const onTime = keys.map((key) => ({ ...key, validFrom: publish.at, validUntil: publish.at }))
    expect(checker.verify({ bundle: publish.bytes, trustedRoot: root, keys: onTime })).toEqual({})
  })

  it.each([
    '',
    'x',
    '{}',
    '[]',
    '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
  ])('says that a root cannot be used, whatever the bundle: %s', (text) => {
    const unusable = { bundle: bcr.bytes, trustedRoot: encodeUtf8(text) }
    expect(() => checker.verify(unusable)).toThrow(InputError)
    expect(() => checker.verify(unusable)).toThrow(/trusted root/)
  })
})

function leafOf({ bytes }: BundleSample): string {
  const { verificationMaterial: material } = JSON.parse(decodeUtf8(bytes)) as BundleJson
  const leaf = material.certificate ?? material.x509CertificateChain?.certificates[0]
  return leaf!.rawBytes
}

function tlogOf({ bytes }: BundleSample): BundleJson['verificationMaterial']['tlogEntries'] {
  return (JSON.parse(decodeUtf8(bytes)) as BundleJson).verificationMaterial.tlogEntries
}

function firstAuthority(root: Uint8Array): unknown {
  const { certificateAuthorities } = JSON.parse(decodeUtf8(root)) as Record<string, unknown[]>
  return certificateAuthorities![0]
}
