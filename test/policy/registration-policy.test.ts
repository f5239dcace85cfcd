import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { CEL_EVALUATOR } from '../../src/policy/cel-subset.ts'
import {
  encodeRegistrationPolicy,
  encodeTrustAnchorsDocument,
  isGovernanceMediaType,
  parseRegistrationPolicy,
  parseTrustAnchorsDocument,
} from '../../src/policy/registration-policy.ts'
import { testSigner } from '../support/test-signer.ts'

const { publicKey } = testSigner()
const key = encodeBase64url(encodeCoseKey(publicKey))
const good = {
  version: 1,
  algorithms: ['ES256', 'EdDSA'],
  contentTypes: ['*'],
  operatorKeys: [key],
}
const parse = (value: unknown): unknown =>
  parseRegistrationPolicy(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)))

describe('registration policy', () => {
  it('encodes and parses to the same policy and the same bytes', () => {
    const bytes = encodeUtf8(JSON.stringify(good))
    const policy = parseRegistrationPolicy(bytes)
    expect(policy.algorithms).toEqual(['ES256', 'EdDSA'])
    expect(decodeUtf8(encodeRegistrationPolicy(policy))).toBe(decodeUtf8(bytes))
  })

  it('encodes and parses everything that a policy may say', () => {
    const full = {
      ...good,
      registrarKeys: [key],
      predicateTypes: ['https://slsa.dev/*'],
      requiredClaims: ['iat', 'finishedOn'],
      maxRegistrationLagSeconds: 3600,
      maxClockSkewSeconds: 0,
      delegation: { depthMax: 3 },
      submitter: { required: false, oidc: [{ issuer: 'https://t.example', audience: 'log' }] },
      conditions: [{ name: 'c', cel: 'statement.payloadBytes > 0' }],
      celEvaluator: CEL_EVALUATOR,
    }
    const bytes = encodeUtf8(JSON.stringify(full))
    expect(decodeUtf8(encodeRegistrationPolicy(parseRegistrationPolicy(bytes)))).toBe(
      decodeUtf8(bytes),
    )
  })

  it.each([
    ['an unknown claim', { ...good, requiredClaims: ['iss'] }],
    ['a lag in days', { ...good, maxRegistrationLagSeconds: 1e9 }],
    ['no depth', { ...good, delegation: {} }],
    ['an endless depth', { ...good, delegation: { depthMax: 9 } }],
    [
      'a provider without TLS',
      { ...good, submitter: { required: true, oidc: [{ issuer: 'http://t', audience: 'a' }] } },
    ],
    ['conditions without evaluator', { ...good, conditions: [{ name: 'c', cel: 'true' }] }],
    ['another evaluator', { ...good, celEvaluator: '@marcbachmann/cel-js@7.0.0' }],
    [
      'one condition name twice',
      {
        ...good,
        celEvaluator: CEL_EVALUATOR,
        conditions: [
          { name: 'c', cel: 'true' },
          { name: 'c', cel: 'false' },
        ],
      },
    ],
    [
      'a hostile condition',
      {
        ...good,
        celEvaluator: CEL_EVALUATOR,
        conditions: [{ name: 'c', cel: '"a".matches("(a+)+$")' }],
      },
    ],
    ['not JSON', '{'],
    ['a list', []],
    ['null', null],
    ['another version', { ...good, version: 2 }],
    ['version as text', { ...good, version: '1' }],
    ['an unknown member', { ...good, extra: true }],
    ['a missing member', { ...good, algorithms: undefined }],
    ['a member twice', `${JSON.stringify(good).slice(0, -1)},"version":1}`],
    ['a member twice, escaped', `${JSON.stringify(good).slice(0, -1)},"\\u0076ersion":1}`],
    ['no algorithms', { ...good, algorithms: [] }],
    ['an unknown algorithm', { ...good, algorithms: ['HS256'] }],
    ['an algorithm by number', { ...good, algorithms: [-7] }],
    ['no content types', { ...good, contentTypes: [] }],
    ['an empty content type', { ...good, contentTypes: [''] }],
    ['no operator keys', { ...good, operatorKeys: [] }],
    ['an operator key that is no key', { ...good, operatorKeys: ['oA'] }],
    ['a padded operator key', { ...good, operatorKeys: [`${key}=`] }],
    [
      'a __proto__ member',
      '{"__proto__":{},"version":1,"algorithms":["ES256"],"contentTypes":["*"]}',
    ],
  ])('refuses %s', (_, value) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({ code: 'ERR_TRUST_CONFIGURATION' }) as Error,
    )
  })

  it('names the condition that it does not understand', () => {
    const conditions = [{ name: 'fine', cel: 'true' }, { name: 'cut-short', cel: 'size(' }] // prettier-ignore
    expect(() => parse({ ...good, celEvaluator: CEL_EVALUATOR, conditions })).toThrow('"cut-short"')
  })

  it('knows governance media types by name alone', () => {
    expect(
      isGovernanceMediaType('Application/vnd.attestry.Trust-Anchors+json; charset=utf-8'),
    ).toBe(true)
    expect(isGovernanceMediaType('application/vnd.attestry.registration-policy+json')).toBe(true)
    expect(isGovernanceMediaType('application/json')).toBe(false)
  })
})

describe('trust anchors document', () => {
  it('encodes and parses', () => {
    const anchors = [{ kind: 'cose-key', key: publicKey, issuers: ['https://*'] }] as const
    const bytes = encodeTrustAnchorsDocument(anchors)
    expect(encodeTrustAnchorsDocument(parseTrustAnchorsDocument(bytes))).toEqual(bytes)
  })

  it.each([
    ['no version', '{"anchors":[]}'],
    ['unknown member', '{"version":1,"anchors":[],"x":1}'],
    ['unknown kind', '{"version":1,"anchors":[{"kind":"x","issuers":["*"]}]}'],
    [
      'a member twice inside an anchor',
      `{"version":1,"anchors":[{"kind":"cose-key","coseKey":"${key}","issuers":["a"],"issuers":["*"]}]}`,
    ],
  ])('refuses %s', (_, text) => {
    expect(() => parseTrustAnchorsDocument(encodeUtf8(text))).toThrow(
      expect.objectContaining({ code: 'ERR_TRUST_CONFIGURATION' }) as Error,
    )
  })
})
