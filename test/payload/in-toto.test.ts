import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { parseInTotoStatement } from '../../src/payload/in-toto.ts'
import { parseRfc3339 } from '../../src/payload/rfc3339.ts'
import { isInTotoMediaType, readPayloadFacts } from '../../src/payload/registration-facts.ts'
import { provenance, statement } from '../policy/fixture.ts'

const parse = (value: unknown): ReturnType<typeof parseInTotoStatement> =>
  parseInTotoStatement(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)))
const good = provenance({ finishedOn: '2026-05-28T20:26:40.500+02:00' })
const v02 = {
  _type: 'https://in-toto.io/Statement/v0.1',
  subject: [{ name: 'a', digest: { sha256: 'cd'.repeat(32), dirHash: 'h1:x' } }],
  predicateType: 'https://slsa.dev/provenance/v0.2',
  predicate: {
    builder: { id: 'https://old.example/builder' },
    buildType: 'x',
    metadata: { buildInvocationId: 'run/1', buildFinishedOn: '2026-01-01T00:00:00Z' },
  },
}

describe('parseInTotoStatement', () => {
  it('reads a statement v1 with SLSA provenance v1', () => {
    const read = parse(good)
    expect(read).toMatchObject({ version: 'v1', predicateType: 'https://slsa.dev/provenance/v1' })
    expect(read.provenance).toEqual({
      builderId: 'https://acme.example/builder',
      finishedOnMs: Date.parse('2026-05-28T18:26:40.500Z'),
    })
    expect(read.subjects[0]?.digest.get('sha256')).toBe('ab'.repeat(32))
  })

  it('reads a statement v0.1 with SLSA provenance v0.2', () => {
    expect(parse(v02)).toMatchObject({
      version: 'v0.1',
      provenance: {
        builderId: 'https://old.example/builder',
        invocationId: 'run/1',
        finishedOnMs: Date.parse('2026-01-01T00:00:00Z'),
      },
    })
  })

  it('tolerates unknown members, other predicates and no predicate', () => {
    expect(parse({ ...good, extra: 1 }).provenance).toBeDefined()
    const bare = { ...good, predicate: undefined, predicateType: 'https://spdx.dev/Document' }
    expect(parse(bare).provenance).toBeUndefined()
    expect(
      parse({ ...good, predicateType: 'https://slsa.dev/provenance/v7' }).provenance,
    ).toBeUndefined()
  })

  const subject = (digest: unknown): unknown => ({ ...good, subject: [{ name: 'a', digest }] })
  it.each([
    ['no JSON', '{'],
    ['a list', []],
    ['a member twice', JSON.stringify(good).replace('{', '{"_type":"x",')],
    ['another version', { ...good, _type: 'https://in-toto.io/Statement/v2' }],
    ['no type', { ...good, _type: undefined }],
    ['a type that is inherited', { ...good, _type: 'toString' }],
    ['no subjects', { ...good, subject: [] }],
    ['a subject without digest', { ...good, subject: [{ name: 'a' }] }],
    ['an empty digest', subject({})],
    ['a short digest', subject({ sha256: 'abcd' })],
    ['a digest in capitals', subject({ sha256: 'AB'.repeat(32) })],
    ['a digest that is a number', subject({ sha256: 1 })],
    ['a predicate type that is no URI', { ...good, predicateType: 'provenance' }],
    ['a predicate type in capitals', { ...good, predicateType: 'https://SLSA.dev/provenance/v1' }],
    ['a predicate type with space', { ...good, predicateType: 'https://slsa.dev/ provenance' }],
    ['provenance without predicate', { ...good, predicate: null }],
    ['provenance without builder', { ...good, predicate: { runDetails: {} } }],
    [
      'provenance with an empty builder id',
      { ...good, predicate: { runDetails: { builder: { id: '' } } } },
    ],
    ['a time that is none', provenance({ finishedOn: 'yesterday' })],
    ['a day that does not exist', provenance({ finishedOn: '2026-02-30T00:00:00Z' })],
    [
      'nesting beyond the limit',
      { ...good, predicateType: 'https://x.example', predicate: nested(70) },
    ],
    [
      'nesting that would overflow a stack',
      `${JSON.stringify(good).slice(0, -1)},"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    ],
  ])('refuses %s', (_, value) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({ code: 'ERR_PAYLOAD_MALFORMED' }) as Error,
    )
  })
})

describe('parseRfc3339', () => {
  it.each([
    ['2026-11-24T14:00:00Z', Date.UTC(2026, 10, 24, 14)],
    ['2026-11-24t14:00:00.123456789z', Date.UTC(2026, 10, 24, 14, 0, 0, 123)],
    ['2026-11-24T14:00:00-05:30', Date.UTC(2026, 10, 24, 19, 30)],
    ['2024-02-29T23:59:59Z', Date.UTC(2024, 1, 29, 23, 59, 59)],
  ])('reads %s', (text, expected) => {
    expect(parseRfc3339(text, 'time')).toBe(expected)
  })

  it.each([
    '2026-11-24',
    '2026-11-24 14:00:00Z',
    '2026-11-24T14:00:00',
    '2026-13-01T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T14:00:60Z',
    '2026-11-24T14:00:00+24:00',
    '1969-12-31T23:59:59Z',
    '2026-11-24T14:00:00.Z',
    ` 2026-11-24T14:00:00Z`,
  ])('refuses %s', (text) => {
    expect(() => parseRfc3339(text, 'time')).toThrow(/not an RFC 3339 time/)
  })
})

describe('readPayloadFacts', () => {
  it.each([
    ['in-toto', {}],
    ['in-toto', { contentType: 'application/json' }],
    ['in-toto', { contentType: 'Application/vnd.in-toto.provenance+json; x=1' }],
    ['malformed', { payload: '{}' }],
    [
      'malformed',
      { payload: '{"_type":"https://in-toto.io/Statement/v9"}', contentType: 'text/plain' },
    ],
    ['json', { payload: '{"a":1}', contentType: 'application/json' }],
    ['opaque', { payload: 'text', contentType: 'text/plain' }],
    ['opaque', { payload: '{"a":1,"a":2}', contentType: 'application/json' }],
    ['withheld', { hash: 'SHA-256' as const }],
  ])('answers %s', async (kind, options) => {
    expect(readPayloadFacts(await statement(options)).kind).toBe(kind)
  })

  it('reads the content that a hash envelope stands for', async () => {
    const envelope = await statement({ hash: 'SHA-256' })
    const content = encodeUtf8(JSON.stringify(provenance()))
    expect(readPayloadFacts(envelope, content).kind).toBe('in-toto')
  })

  it('knows in-toto media types', () => {
    expect(isInTotoMediaType('application/vnd.in-toto+json')).toBe(true)
    expect(isInTotoMediaType('application/vnd.in-totox+json')).toBe(false)
    expect(isInTotoMediaType('application/vnd.in-toto.bundle')).toBe(false)
    expect(isInTotoMediaType(60)).toBe(false)
  })
})

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { a: nested(depth - 1) }
}
