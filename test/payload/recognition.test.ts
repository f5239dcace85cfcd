/** How a payload is recognised (statements.md §7.1): the payload decides, the media type is a hint. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { digest } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { encodeSign1 } from '../../src/cose/sign1.ts'
import { describeStatement } from '../../src/payload/describe-statement.ts'
import { GOVERNANCE_KINDS, parseMediaType } from '../../src/payload/media-types.ts'
import { validatePayload } from '../../src/payload/validate-payload.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import type { SignedStatement } from '../../src/statement/signed-statement.ts'
import { findingsOf, readAs, unsigned } from './evaluations/unsigned.ts'
import * as samples from './provenance/samples.ts'

const IN_TOTO = 'application/vnd.in-toto+json'
const SLSA = 'https://slsa.dev/provenance/v1'
const provenance = samples.inToto(SLSA, samples.provenanceV1)

/** A hash envelope of SHA-256 over `content`. */
function envelope(content: Uint8Array, type?: string | number): SignedStatement {
  const header = new Map<number, number | string | Map<number, string>>([
    [1, -7],
    [15, new Map([[1, 'https://x.example'], [2, 'pkg:npm/app@1.0.0']] as const)], // prettier-ignore
    [258, -16],
  ])
  if (type !== undefined) header.set(259, type)
  const payload = digest('SHA-256', content)
  const protectedBytes = encodeCbor(header)
  return parseSignedStatement(
    encodeSign1({ protectedBytes, payload, signature: new Uint8Array(64) }),
  )
}

describe('in-toto', () => {
  it.each([
    IN_TOTO,
    'application/vnd.in-toto.provenance+json',
    'Application/VND.in-toto+JSON; charset=utf-8',
    'application/json',
    'text/plain',
    'application/spdx+json',
  ])('JSON that calls itself a Statement is one under %s', (type) => {
    expect(readAs(provenance, type)).toMatchObject({ kind: 'provenance', type: SLSA, refusal: '' })
  })

  it('a predicate type that nobody reads is no fault', () => {
    const read = readAs(samples.inToto('https://acme.example/x/v1', 'anything'), IN_TOTO)
    expect(read).toMatchObject({ kind: 'in-toto', type: 'https://acme.example/x/v1', refusal: '' })
    expect(read.digests).toHaveLength(1)
    expect(read.findings).toEqual([])
  })

  it.each([
    ['no JSON', 'x', ''],
    ['a member twice', '{"_type":"https://in-toto.io/Statement/v1","a":1,"a":2}', ''],
    ['another version', { _type: 'https://in-toto.io/Statement/v2' }, '/_type'],
    ['no type', { subject: [] }, '/_type'],
    ['no subject', { ...provenance, subject: [] }, '/subject'],
    ['a subject without digest', { ...provenance, subject: [{ name: 'a' }] }, '/subject/0/digest'],
    ['an empty digest', { ...provenance, subject: [{ digest: {} }] }, '/subject/0/digest'],
    ['a digest in capitals', { ...provenance, subject: [{ digest: { sha256: 'AB'.repeat(32) } }] }, '/subject/0/digest/sha256'], // prettier-ignore
    ['40 digits for sha256', { ...provenance, subject: [{ digest: { 'sha256': 'ab'.repeat(20) } }] }, '/subject/0/digest/sha256'], // prettier-ignore
    ['a digest of no length', { ...provenance, subject: [{ digest: { 'a/b~': '' } }] }, '/subject/0/digest/a~1b~0'], // prettier-ignore
    ['a relative predicate type', { ...provenance, predicateType: 'slsa/v1' }, '/predicateType'],
    ['65 levels', { ...provenance, x: JSON.parse('['.repeat(65) + ']'.repeat(65)) }, ''],
  ])('refuses %s', (_what, payload, pointer) => {
    const read = readAs(payload, IN_TOTO)
    expect(read).toMatchObject({ kind: 'opaque', refusal: `ERR_PAYLOAD_MALFORMED ${pointer}` })
    expect(read.findings).toMatchObject([{ code: 'malformed', pointer }])
  })

  it('a name of a package is found, a name of a file is not', () => {
    const subject = [
      { name: 'app.tgz', uri: 'pkg:npm/app@1.0.0', digest: { sha256: 'ab'.repeat(32) } },
      { name: 'x', digest: { arn: 'arn:aws:x', gce_image_id: '123' } },
    ]
    const read = readAs({ ...provenance, subject, predicateType: 'https://a.example/b' })
    expect(read.attributes).toEqual([{ name: 'purl', value: 'pkg:npm/app@1.0.0' }])
    expect(read.digests.map(({ algorithm, value }) => `${algorithm} ${value}`)).toEqual([
      `sha256 ${'ab'.repeat(32)}`,
      'arn arn:aws:x',
      'gce_image_id 123',
    ])
  })
})

describe('other payloads', () => {
  it.each([
    ['text', 'hello', 'text/plain', 'text/plain'],
    ['JSON that says nothing', { a: 1 }, 'application/json', 'application/json'],
    ['JSON with a member twice', '{"a":1,"a":2}', 'application/json', 'application/json'],
    ['bytes', new Uint8Array([0xff, 0, 1]), 'application/x-thing', 'application/x-thing'],
    ['nothing', new Uint8Array(0), '', ''],
  ])('%s is opaque and no fault', (_what, payload, mediaType, type) => {
    expect(readAs(payload, mediaType)).toMatchObject({
      ...{ kind: 'opaque', type, refusal: '', findings: [], digests: [], attributes: [] },
    })
  })

  it.each([
    ['no JSON', 'SPDXVersion: SPDX-2.3'],
    ['a list', '[]'],
    ['a member twice', '{"spdxVersion":"SPDX-2.3","spdxVersion":"SPDX-2.2"}'],
  ])('refuses %s under a media type of a known kind', (_what, payload) => {
    expect(readAs(payload, 'application/spdx+json').refusal).toBe('ERR_PAYLOAD_MALFORMED ')
  })

  it.each(GOVERNANCE_KINDS)('governance: %s is told by the media type', (kind) => {
    const name = kind === 'policy' ? 'registration-policy' : kind
    const type = `application/vnd.attestry.${kind === 'journal' ? 'registration-journal' : name}+json`
    expect(readAs('{}', type)).toMatchObject({ kind, type, refusal: '' })
  })
})

describe('hash envelopes', () => {
  const content = encodeUtf8(JSON.stringify(samples.cycloneDx))
  const type = 'application/vnd.cyclonedx+json'

  it('unread: the media type tells the kind, and the claims what it is about', () => {
    const read = describeStatement({ statement: envelope(content, type) })
    expect(read).toMatchObject({ kind: 'sbom', type })
    expect(findingsOf(read)).toEqual(['preimage-absent'])
    expect(read.attributes).toEqual([{ name: 'purl', value: 'pkg:npm/app@1.0.0' }])
    const value = encodeHex(digest('SHA-256', content))
    expect(read.digests).toEqual([{ role: 'evidence', algorithm: 'sha256', value }])
  })

  it.each([
    [undefined, 'opaque', ''],
    ['application/octet-stream', 'opaque', 'application/octet-stream'],
    [IN_TOTO, 'in-toto', IN_TOTO],
    [50, 'opaque', 'application/json'],
    [65_000, 'opaque', 'content-format/65000'],
  ])('unread under %s: %s', (preimageType, kind, described) => {
    const statement = envelope(content, preimageType)
    expect(describeStatement({ statement })).toMatchObject({ kind, type: described })
    validatePayload({ statement })
  })

  it('read: like a payload that is attached', () => {
    const statement = envelope(content, type)
    const read = describeStatement({ statement, preimage: content })
    const direct = readAs(samples.cycloneDx, type)
    expect(read).toMatchObject({ kind: 'sbom', type, findings: [] })
    expect(read.digests).toEqual(expect.arrayContaining([...direct.digests]))
    expect(read.attributes).toEqual(expect.arrayContaining([...direct.attributes]))
  })

  it('a preimage is held against its rules', () => {
    const broken = encodeUtf8('{"bomFormat":"CycloneDX"}')
    const statement = envelope(broken, type)
    expect(() => validatePayload({ statement, preimage: broken })).toThrow('is missing')
    expect(describeStatement({ statement, preimage: broken })).toMatchObject({
      kind: 'opaque',
      findings: [{ code: 'malformed', pointer: '/specVersion' }],
    })
  })

  it('a preimage that is too large to be read is said to be so', () => {
    const large = new Uint8Array(1_048_577).fill(0x20)
    const read = describeStatement({ statement: envelope(large, type), preimage: large })
    expect(read.kind).toBe('sbom')
    expect(findingsOf(read)).toEqual(['preimage-too-large'])
  })
})

it('a description has no duplicates', () => {
  const subject = [1, 2].map(() => ({ name: 'pkg:npm/a@1', digest: { sha256: 'ab'.repeat(32) } }))
  const { digests, attributes } = readAs({ ...provenance, subject })
  for (const list of [digests, attributes]) {
    const texts = list.map((item) => JSON.stringify(item))
    expect(new Set(texts).size).toBe(texts.length)
  }
})

it('a text that is no name to search by is left out, and it says so', () => {
  const builder = { builder: { id: `x:${'y'.repeat(5000)}` } }
  const read = readAs(samples.inToto('https://slsa.dev/provenance/v0.2', builder))
  expect(read).toMatchObject({ kind: 'provenance', refusal: '' })
  expect(read.attributes.filter(({ name }) => name === 'builder-id')).toEqual([])
  expect(findingsOf(read)).toContain('value-too-long')
})

it('inherited names are no members', () => {
  const hostile = '{"__proto__":{"builder":{"id":"x:y"}},"constructor":1}'
  const text = JSON.stringify(samples.inToto('https://slsa.dev/provenance/v0.2', {})).replace(
    '"predicate":{}',
    `"predicate":${hostile}`,
  )
  expect(readAs(text).refusal).toBe('ERR_PAYLOAD_MALFORMED /predicate/builder')
  expect(unsigned(text).message.payload).not.toBeNull()
})

describe('parseMediaType', () => {
  it.each([
    ['application/EAT+cwt; EAT_Profile="tag:x,2026:y;z"; a=b', 'application/eat+cwt', { eat_profile: 'tag:x,2026:y;z', a: 'b' }], // prettier-ignore
    ['text/plain', 'text/plain', {}],
    [undefined, '', {}],
    [';;;=', '', { '': '' }],
    [61, 'application/cwt', {}],
    [18, 'application/cose', { 'cose-type': 'cose-sign1' }],
  ])('%j', (text, name, parameters) => {
    const read = parseMediaType(text)
    expect(read.name).toBe(name)
    expect(Object.fromEntries(read.parameters)).toEqual(parameters)
  })
})
