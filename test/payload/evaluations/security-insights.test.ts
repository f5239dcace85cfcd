/** YAML is read as strictly as JSON is, and Security Insights files are read for what they are about. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { PayloadError } from '../../../src/errors.ts'
import {
  parseStrictYaml,
  YAML_BYTES_MAX,
  YAML_DEPTH_MAX,
} from '../../../src/payload/strict-yaml.ts'
import { securityInsights } from './samples.ts'
import { numberOf, readAs, valuesOf } from './unsigned.ts'

const TYPE = 'application/vnd.ossf.security-insights+yaml'

function refusal(text: string | Uint8Array): string {
  try {
    return `read ${JSON.stringify(parseStrictYaml(typeof text === 'string' ? encodeUtf8(text) : text))}`
  } catch (error) {
    if (error instanceof PayloadError) return `${error.code} ${error.pointer}`
    throw error
  }
}

describe('parseStrictYaml', () => {
  it.each([
    ['a: 1\nb: [x, "y", {c: null}]\n', { a: 1, b: ['x', 'y', { c: null }] }],
    [
      'a: 2.0.0\nb: 2026-05-28\nc: yes\nd: true',
      { a: '2.0.0', b: '2026-05-28', c: 'yes', d: true },
    ],
    ['--- # comment\na: |\n  two\n  lines\n...\n', { a: 'two\nlines\n' }],
    ['%YAML 1.2\n---\na: >-\n  folded\n  text', { a: 'folded text' }],
    ['{"json": [1, 2]}', { json: [1, 2] }],
    ['<<: {a: 1}', { '<<': { a: 1 } }],
    ['', null],
  ])('reads %j', (text, value) => {
    expect(parseStrictYaml(encodeUtf8(text))).toEqual(value)
  })

  it('makes own members of every key', () => {
    const value = parseStrictYaml(
      encodeUtf8('__proto__: {polluted: true}\nconstructor: 1'),
    ) as object
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  // Each line is twice as long as the one before: a kilobyte would become a megabyte.
  const lines = Array.from({ length: 20 }, (_, at) => `k${at + 1}: &a${at + 1} [*a${at}, *a${at}]`)
  const bomb = ['k0: &a0 [x, x]', ...lines].join('\n')
  it.each([
    ['an anchor', 'a: &x 1', '/a'],
    ['an alias', 'a: 1\nb: [*a]', ''],
    ['a bomb of aliases', bomb, ''],
    ['a key twice', 'a: {b: 1, "b": 2}', '/a/b'],
    ['a custom tag', 'a: !js/function "x"', ''],
    ['a tag of YAML itself', 'a: !!binary aGk=', ''],
    ['another version', '%YAML 1.1\n---\na: yes', ''],
    ['two documents', 'a: 1\n---\nb: 2', ''],
    ['a key that is a list', '? [a]\n: 1', ''],
    ['a key that is a number', 'a:\n  1: x', '/a'],
    ['no number', 'a: .nan', '/a'],
    ['an infinite number', 'a: {b: -.inf}', '/a/b'],
    ['a list that is not closed', 'a: [1, 2', ''],
    ['a tab for indentation', 'a:\n\tb: 1', ''],
    ['a directive without document', '%TAG ! x', ''],
  ])('refuses %s', (_what, text, pointer) => {
    expect(refusal(text)).toMatch(/^ERR_PAYLOAD_MALFORMED /)
    if (pointer !== '') expect(refusal(text)).toBe(`ERR_PAYLOAD_MALFORMED ${pointer}`)
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(refusal(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toBe('ERR_PAYLOAD_MALFORMED ')
  })

  it('bounds size and nesting', () => {
    expect(refusal(`a: ${'x'.repeat(YAML_BYTES_MAX)}`)).toBe('ERR_PAYLOAD_MALFORMED ')
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(refusal(nested(YAML_DEPTH_MAX))).toMatch(/^read /)
    expect(refusal(nested(YAML_DEPTH_MAX + 1))).toBe('ERR_PAYLOAD_MALFORMED ')
    expect(refusal(nested(20_000))).toBe('ERR_PAYLOAD_MALFORMED ')
    expect(refusal('- '.repeat(15_000))).toBe('ERR_PAYLOAD_MALFORMED ')
    expect(refusal('{a: '.repeat(5000))).toBe('ERR_PAYLOAD_MALFORMED ')
  })

  it('reads many keys in reasonable time', () => {
    const keys = (count: number): string =>
      Array.from({ length: count }, (_, at) => `k${at}: 1`).join('\n')
    expect(refusal(keys(4000))).toMatch(/^read /)
    expect(refusal(keys(7000))).toBe('ERR_PAYLOAD_MALFORMED ')
  })
})

describe('security-insights', () => {
  it.each([TYPE, 'application/yaml', 'text/yaml; charset=utf-8', 'application/x-yaml'])(
    'is read under %s',
    (type) => {
      const found = readAs(securityInsights, type)
      expect(found).toMatchObject({ kind: 'security-insights', refusal: '', findings: [] })
      expect(valuesOf(found, 'repository')).toEqual(['https://github.com/acme/left'])
      expect(valuesOf(found, 'package')).toEqual(['Left'])
      expect(numberOf(found, 'evaluated-on')).toBe(Date.parse('2026-05-01') / 1000)
    },
  )

  const version1 =
    "header:\n  schema-version: 1.0.0\n  project-url: https://github.com/acme/left\n  expiration-date: '2027-01-01T00:00:00Z'\n"
  it.each([
    ['a file of version 1', version1],
    ['a project alone', securityInsights.slice(0, securityInsights.indexOf('repository:\n  url'))],
    ['a review that is outdated', securityInsights.replace('2026-05-01', '2026-03-01')],
    ['members unknown', `${securityInsights}more: {a: [1]}\n`],
  ])('reads %s', (_what, text) => {
    expect(readAs(text, TYPE)).toMatchObject({ kind: 'security-insights', refusal: '' })
  })

  it.each([
    ['no header', 'project: {name: x}', '/header'],
    ['a version that is none', securityInsights.replace('2.0.0', 'two'), '/header/schema-version'],
    ['no address', securityInsights.replace(/ {2}url: .*yml\n/, ''), '/header/url'],
    ['a day that is none', securityInsights.replace("'2026-04-01'", 'May'), '/header/last-updated'],
    [
      'neither project nor repository',
      securityInsights.slice(0, securityInsights.indexOf('project:\n')),
      '/project',
    ],
    ['a project without name', securityInsights.replace('  name: Left\n', ''), '/project/name'],
    ['another status', securityInsights.replace('active', 'sleeping'), '/repository/status'],
    [
      'a repository without address',
      securityInsights.replace('  url: https://github.com/acme/left\n  status', '  status'),
      '/repository/url',
    ],
    ['a key twice', `${securityInsights}project: {}\n`, '/project'],
    ['a list', '- header', ''],
  ])('refuses %s', (_what, text, pointer) => {
    const found = readAs(text, TYPE)
    expect(found.refusal).toBe(`ERR_PAYLOAD_MALFORMED ${pointer}`)
    expect(found.kind).toBe('opaque')
  })

  it('leaves other YAML alone', () => {
    expect(readAs('jobs: {a: &x 1}', 'application/yaml')).toMatchObject({
      kind: 'opaque',
      refusal: '',
    })
  })
})
