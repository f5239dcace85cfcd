import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { encodeTrustPolicy, parseTrustPolicy } from '../../src/verify/index.ts'
import type { TrustPolicy } from '../../src/verify/index.ts'
import { testSigner } from '../support/test-signer.ts'

const key = encodeBase64url(encodeCoseKey(testSigner().publicKey))
const attestry = {
  issuer: 'https://log.example',
  origin: 'log.example/1',
  profile: 'attestry',
  keys: [key],
}
const foreign = {
  issuer: 'https://ts.example',
  profile: 'rfc9162',
  leafRule: 'entry-digest',
  keys: [key],
}
const ccf = { issuer: 'ccf.example', profile: 'ccf', keys: [key] }
const anchor = { kind: 'cose-key', coseKey: key, issuers: ['*'] }
const good = { version: 1, logs: [attestry, foreign, ccf], issuers: [anchor] }

function parse(value: unknown): TrustPolicy {
  return parseTrustPolicy(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)))
}

describe('trust file', () => {
  it('parses, and encodes to what parses to the same', () => {
    const trust = parse(good)
    expect(trust.logs.map(({ issuer, profile, leafRule }) => [issuer, profile, leafRule])).toEqual([
      ['https://log.example', 'attestry', 'entry'],
      ['https://ts.example', 'rfc9162', 'entry-digest'],
      ['ccf.example', 'ccf', 'entry'],
    ])
    expect(trust.logs[0]?.origin).toBe('log.example/1')
    expect(parseTrustPolicy(encodeTrustPolicy(trust))).toEqual(trust)
  })

  it('may be empty: then nothing is trusted', () => {
    expect(parse({ version: 1, logs: [], issuers: [] })).toEqual({
      version: 1,
      logs: [],
      issuers: [],
    })
  })

  it.each([
    ['text', 'trust me'],
    ['a list', '[]'],
    ['bad UTF-8 or a byte order mark', `\ufeff${JSON.stringify(good)}`],
    ['an unknown member', { ...good, witnesses: [] }],
    ['a missing member', { version: 1, logs: [] }],
    ['a version that is not 1', { ...good, version: 2 }],
    ['a member twice', `{"version":1,"logs":[],"issuers":[],"logs":[]}`],
    ['an unknown member of a log', { ...good, logs: [{ ...attestry, quorum: 2 }] }],
    [
      'a member of a log twice',
      `{"version":1,"issuers":[],"logs":[{"issuer":"a","issuer":"b","profile":"ccf","keys":["${key}"]}]}`,
    ],
    ['a log twice', { ...good, logs: [attestry, attestry] }],
    ['an unknown profile', { ...good, logs: [{ ...attestry, profile: 'mmr' }] }],
    ['an unknown leaf rule', { ...good, logs: [{ ...foreign, leafRule: 'payload' }] }],
    [
      'a leaf rule that the profile does not have',
      { ...good, logs: [{ ...attestry, leafRule: 'entry-digest' }] },
    ],
    ['a log without keys', { ...good, logs: [{ ...attestry, keys: [] }] }],
    ['keys that are no list', { ...good, logs: [{ ...attestry, keys: key }] }],
    ['a key that is no key', { ...good, logs: [{ ...attestry, keys: ['oA'] }] }],
    ['an empty issuer', { ...good, logs: [{ ...attestry, issuer: '' }] }],
    [
      'an issuer with control characters',
      { ...good, logs: [{ ...attestry, issuer: 'a\u001b[1m' }] },
    ],
    ['an anchor of unknown kind', { ...good, issuers: [{ ...anchor, kind: 'jwks' }] }],
    ['an anchor for nobody', { ...good, issuers: [{ ...anchor, issuers: [] }] }],
    ['an endless document', `[${' '.repeat(1_048_576)}]`],
  ])('refuses %s', (_, value) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({ code: 'ERR_TRUST_CONFIGURATION' }) as Error,
    )
  })
})
