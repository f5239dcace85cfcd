/**
 * Bundles of an instance without logs: a timestamp is all that proves their time. They verify under
 * the instance's own root and under no other, and a root that lists logs wants them to be there.
 */
import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { VerificationError } from '../../src/errors.ts'
import { BundleChecker } from '../../src/sigstore/verify-bundle.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { hasVectors } from '../support/vectors.ts'
import { PrivateInstance, ISSUER, SUBJECT } from './private-instance.ts'
import type { BundleParts } from './private-instance.ts'
import { trustedRoot } from './samples.ts'

const instance = new PrivateInstance()
const checker = new BundleChecker()
const verify = (parts: BundleParts = {}, root = instance.trustedRoot()) =>
  checker.verify({ bundle: instance.bundle(parts), trustedRoot: root })

function refusal(parts: BundleParts, root?: Uint8Array): string {
  try {
    verify(parts, root)
  } catch (error) {
    if (error instanceof VerificationError) return error.message
    throw error
  }
  throw new Error('it verified')
}

describe('a bundle with a timestamp and no log entry', () => {
  it('verifies under its own root', () => {
    expect(verify()).toMatchObject({ subject: SUBJECT, issuer: ISSUER })
  })

  it('verifies under a root whose chain ends at an intermediate, as GitHub writes them', () => {
    expect(verify({}, instance.trustedRoot({ cut: true }))).toMatchObject({ subject: SUBJECT })
  })

  it('does not verify under the root of another instance', () => {
    for (const cut of [true, false]) {
      expect(refusal({}, new PrivateInstance().trustedRoot({ cut }))).toMatch(/ERROR/)
    }
  })

  it.skipIf(!hasVectors)(
    'does not verify under the public-good root, and does in a file of both',
    () => {
      expect(refusal({}, trustedRoot())).toMatch(/TIMESTAMP_ERROR/)
      const line = JSON.stringify(JSON.parse(decodeUtf8(trustedRoot())))
      const both = encodeUtf8(`${line}\n${decodeUtf8(instance.trustedRoot())}\n`)
      expect(verify({}, both)).toMatchObject({ subject: SUBJECT })
    },
  )

  it.skipIf(!hasVectors)('has to bring a log entry, or an SCT, where its root lists logs', () => {
    const { tlogs, ctlogs } = JSON.parse(decodeUtf8(trustedRoot())) as Record<string, unknown>
    expect(refusal({}, instance.trustedRoot({ tlogs }))).toMatch(/expected 1 tlog entries/)
    expect(refusal({}, instance.trustedRoot({ ctlogs }))).toMatch(/expected 1 SCTs/)
  })

  it.each<[string, BundleParts, RegExp]>([
    ['no timestamp', { time: undefined }, /expected 1 timestamps/],
    ['a timestamp of something else', { stamped: new Uint8Array(3) }, /TIMESTAMP_ERROR/],
    ['a time before its certificate', { time: new Date('2026-06-01T11:54:59Z') }, /CERTIFICATE_ERROR/],
    ['a time after its certificate', { time: new Date('2026-06-01T12:05:01Z') }, /CERTIFICATE_ERROR/],
    ['a time before the authority', { time: new Date('2025-12-31T23:59:59Z') }, /TIMESTAMP_ERROR/],
    ['a certificate for another purpose', { certificate: { eku: ['1.3.6.1.5.5.7.3.1'] } }, /not for code signing/],
    ['a certificate for no purpose', { certificate: { eku: [] } }, /key usage/],
    ['a certificate of an authority', { certificate: { isCa: true } }, /that of an authority/],
    [
      'a critical extension that is not known',
      { certificate: { extensions: [{ oid: '1.2.3.4', critical: true, value: encodeDer(0x05) }] } },
      /unknown critical extension/,
    ],
  ])('is refused with %s', (_, parts, why) => {
    expect(refusal(parts)).toMatch(why)
  }) // prettier-ignore

  it('counts at the first and last second of its certificate', () => {
    for (const time of ['2026-06-01T11:55:00Z', '2026-06-01T12:05:00Z']) {
      expect(verify({ time: new Date(time) })).toMatchObject({ subject: SUBJECT })
    }
  })
})
