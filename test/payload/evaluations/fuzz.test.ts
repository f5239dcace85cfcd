/** Mutated evaluations: refused with a pointer or read, never another error, never a hang. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { PayloadError } from '../../../src/errors.ts'
import { describeStatement } from '../../../src/payload/describe-statement.ts'
import { parseStrictYaml } from '../../../src/payload/strict-yaml.ts'
import { validatePayload } from '../../../src/payload/validate-payload.ts'
import { mutate, randomFrom, seed, slow } from '../../support/mutate.ts'
import * as samples from './samples.ts'
import { unsigned } from './unsigned.ts'

const ROUNDS = slow ? 1_000_000 : 2_000

const { inToto } = samples
const DOCUMENTS: readonly object[] = [
  inToto('https://scorecard.dev/result/v0.1', samples.scorecardBare),
  inToto('https://in-toto.io/attestation/vulns/v0.2', samples.vulns),
  inToto('https://in-toto.io/attestation/vulns/v0.1', samples.vulns),
  inToto('https://openvex.dev/ns/v0.2.0', samples.openvex),
  inToto('https://openvex.dev/ns', samples.openvexOlder),
  inToto('https://in-toto.io/attestation/test-result/v0.1', samples.testResult),
  inToto('https://attestry.dev/s2c2f-assessment/v0.1', samples.s2c2f),
  inToto('https://attestry.dev/incident/v0.1', samples.incident),
  inToto('https://attestry.dev/exception/v0.1', samples.exception),
  inToto('https://attestry.dev/retraction/v0.1', samples.retraction),
  samples.osv,
  samples.openvex,
  samples.scorecardBare,
]

/** Values that readers trip over, in place of one of the document's own. */
const ODDITIES: readonly unknown[] = [
  ...[null, true, 0, -1, 1e308, 0.1, '', '\u0000', '__proto__', 'x'.repeat(5000), [], {}],
  ...[[[]], [null], { constructor: 1 }, { length: 3 }, 'CVSS:3.1/', 'pkg:', '9999-12-31T23:59:59Z'],
]

/** The document with one value, chosen at random, replaced. */
function spoiled(value: unknown, random: (n: number) => number): unknown {
  if (typeof value !== 'object' || value === null || random(6) === 0) {
    return ODDITIES[random(ODDITIES.length)]
  }
  const names = Object.keys(value)
  if (names.length === 0) return ODDITIES[random(ODDITIES.length)]
  const chosen = names[random(names.length)]!
  const member = spoiled((value as Record<string, unknown>)[chosen], random)
  return Array.isArray(value)
    ? value.map((item: unknown, at) => (String(at) === chosen ? member : item))
    : { ...value, [chosen]: member }
}

function read(payload: unknown, type: string): string {
  const statement = unsigned(payload, type)
  const { kind } = describeStatement({ statement })
  try {
    validatePayload({ statement })
    return kind
  } catch (error) {
    if (error instanceof PayloadError) return 'refused'
    throw error
  }
}

describe('JSON', () => {
  it(`survives ${ROUNDS} mutations of bytes`, { timeout: 3_600_000 }, () => {
    const random = randomFrom(seed)
    const bytes = DOCUMENTS.map((document) => encodeUtf8(JSON.stringify(document)))
    for (let round = 0; round < ROUNDS; round++) {
      read(mutate(bytes[round % bytes.length]!, random), 'application/vnd.in-toto+json')
    }
  })

  it(`survives ${ROUNDS} mutations of values`, { timeout: 3_600_000 }, () => {
    const random = randomFrom(seed + 1)
    const outcomes = new Map<string, number>()
    for (let round = 0; round < ROUNDS; round++) {
      const outcome = read(spoiled(DOCUMENTS[round % DOCUMENTS.length], random), 'application/json')
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    expect(outcomes.get('refused') ?? 0).toBeGreaterThan(ROUNDS / 100)
    expect(outcomes.get('incident') ?? 0).toBeGreaterThan(0)
  })
})

describe('YAML', () => {
  const bytes = encodeUtf8(samples.securityInsights)

  it(`survives ${ROUNDS} mutations`, { timeout: 3_600_000 }, () => {
    const random = randomFrom(seed + 2)
    for (let round = 0; round < ROUNDS; round++) {
      const type = 'application/vnd.ossf.security-insights+yaml'
      const statement = unsigned(mutate(bytes, random), type)
      try {
        validatePayload({ statement })
      } catch (error) {
        if (!(error instanceof PayloadError)) throw error
        continue
      }
      if (round % 10 === 0) expect(describeStatement({ statement }).kind).toBe('security-insights')
    }
  })

  it(`survives ${ROUNDS / 10} texts of YAML's own signs`, { timeout: 3_600_000 }, () => {
    const signs = [
      ...[
        'a',
        ' ',
        '  ',
        '\n',
        '\n  ',
        '- ',
        ': ',
        '? ',
        '[',
        ']',
        '{',
        '}',
        ',',
        '#',
        '&x ',
        '*x',
      ],
      ...[
        '!',
        '!!str ',
        '|',
        '>',
        '|+2',
        "'",
        '"',
        '%',
        '---\n',
        '...\n',
        '\t',
        '\r',
        '<<: ',
        '\\',
        '@',
      ],
    ]
    const random = randomFrom(seed + 3)
    for (let round = 0; round < ROUNDS / 10; round++) {
      const text = Array.from({ length: random(60) }, () => signs[random(signs.length)]!).join('')
      try {
        JSON.stringify(parseStrictYaml(encodeUtf8(text)))
      } catch (error) {
        if (!(error instanceof PayloadError)) throw error
      }
    }
  })
})
