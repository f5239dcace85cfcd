/** R3 on the relying party's side: what a permissive log let in is still refused here. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeTrustPolicy, parseTrustPolicy } from '../../src/verify/index.ts'
import type { TrustPolicy, VerificationOutcome } from '../../src/verify/index.ts'
import { anchors, log, register, sign, trust, trustedLog, verify } from './fixture.ts'

const provenance = (builderId: string, name = 'demo.tgz'): Uint8Array =>
  encodeUtf8(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name, digest: { sha256: 'ab'.repeat(32) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { buildDefinition: {}, runDetails: { builder: { id: builderId } } },
    }),
  )
const mine = 'https://small.example/builder'
const limited: TrustPolicy = {
  ...trust(trustedLog(log)),
  issuers: anchors.map((anchor) => ({
    ...anchor,
    subjects: ['pkg:npm/demo@*'],
    predicateTypes: ['https://slsa.dev/provenance/*'],
    builderIds: ['https://small.example/*'],
  })),
}
const verdict = (outcome: VerificationOutcome): string =>
  outcome.kind === 'refused'
    ? `refused: ${outcome.error.rule}`
    : outcome.kind === 'cannot-tell'
      ? `cannot-tell: ${outcome.missing}`
      : outcome.kind

describe('verifyTransparentStatement with anchors that are limited', () => {
  it.each([
    ['what the anchor may say', { payload: provenance(mine) }, 'verified'],
    [
      'the builder of another key',
      { payload: provenance('https://big.example/builder') },
      'refused: anchor-builder-id',
    ],
    [
      'another subject',
      { payload: provenance(mine), subject: 'pkg:npm/other@1' },
      'refused: anchor-subject',
    ],
    [
      'another subject in the payload',
      { payload: provenance(mine, 'pkg:npm/other@1') },
      'refused: anchor-subject',
    ],
    [
      'no predicate type',
      { payload: encodeUtf8('x'), contentType: 'text/plain' },
      'refused: anchor-predicate-type',
    ],
    [
      'a payload that is not what it says',
      { payload: encodeUtf8('{}') },
      'refused: anchor-subject',
    ],
  ])('%s', async (_, options, expected) => {
    const statement = await register(await sign(options), log)
    expect(verdict(await verify(statement, { trust: limited }))).toBe(expected)
    expect(verdict(await verify(statement, { trust: limited, receiptOnly: true }))).toBe(expected)
  })

  it('asks for the content of a hash envelope, and judges it', async () => {
    for (const [builder, expected] of [
      [mine, 'verified'],
      ['https://big.example', 'refused: anchor-builder-id'],
    ] as const) {
      const payload = provenance(builder)
      const statement = await register(await sign({ payload, hash: 'SHA-256' }), log)
      expect(verdict(await verify(statement, { trust: limited }))).toBe('cannot-tell: payload')
      expect(verdict(await verify(statement, { trust: limited, payload }))).toBe(expected)
    }
  })

  it('a missing receipt or a wrong signature outweighs a refusal', async () => {
    const foreign = await sign({ payload: provenance('https://big.example') })
    expect(verdict(await verify(foreign, { trust: limited }))).toBe('not-verified')
    const registered = await register(foreign, log)
    const narrow = { ...limited, issuers: limited.issuers.map((a) => ({ ...a, issuers: ['x'] })) }
    expect(verdict(await verify(registered, { trust: narrow }))).toBe('cannot-tell: issuer-anchor')
  })

  it('a trust file carries the limits', () => {
    const bytes = encodeTrustPolicy(limited)
    expect(encodeTrustPolicy(parseTrustPolicy(bytes))).toEqual(bytes)
    expect(parseTrustPolicy(bytes).issuers[0]?.builderIds).toEqual(['https://small.example/*'])
    const text = new TextDecoder().decode(bytes)
    for (const wrong of ['"builderIds": []', '"builderIds": "x"', '"verifierIds": ["x"]']) {
      const changed = text.replace(/"builderIds": \[[^\]]*\]/, wrong)
      expect(changed).not.toBe(text)
      expect(() => parseTrustPolicy(encodeUtf8(changed))).toThrow(/anchor 0/)
    }
  })
})
