import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { boundSteps, CEL_STEPS_MAX } from '../../src/policy/cel-cost.ts'
import { CEL_EVALUATOR, parseCel } from '../../src/policy/cel-subset.ts'
import type { CelFacts } from '../../src/policy/cel-subset.ts'
import { findUnmetCondition } from '../../src/policy/conditions.ts'
import { decided, provenance, ruleOf, statement } from './fixture.ts'

const holds = async (cel: string, payload: unknown = provenance()): Promise<string> => {
  const by = { conditions: [{ name: 'c', cel }], celEvaluator: CEL_EVALUATOR }
  const decision = await decided(await statement({ payload }), { by })
  return decision.kind === 'accept' ? 'accept' : `${decision.rule}: ${decision.reason}`
}

describe('conditions', () => {
  it('names the evaluator that is installed', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>
    }
    const [name, version] = [CEL_EVALUATOR.slice(0, -6), CEL_EVALUATOR.slice(-5)]
    expect(CEL_EVALUATOR).toBe(`${name}@${version}`)
    expect(dependencies[name]).toBe(version)
  })

  it.each([
    'statement.subject.startsWith("pkg:npm/")',
    'statement.subjects.all(s, size(s.digest.sha256) == 64)',
    'statement.predicateType == "https://slsa.dev/provenance/v1"',
    'has(payload.predicate.buildDefinition) && !has(payload.predicate.nothing)',
    'payload.predicate.buildDefinition.buildType in ["https://acme.example/build"]',
    'statement.payloadBytes < 65536 && statement.payloadBytes - 1 > 0',
    'size(submitter) == 0',
    'statement.subjects.filter(s, s.name.endsWith(".tgz")).exists_one(s, s.name.contains("demo"))',
    'statement.subjects[0].name == "demo.tgz" ? true : false',
    'payload.missing == 1 || true',
  ])('holds: %s', async (cel) => {
    expect(await holds(cel)).toBe('accept')
  })

  it.each([
    ['statement.subject == "x"', /condition "c" does not hold/],
    ['payload.nothing == 1', /cannot be evaluated: No such key/],
    ['payload.constructor == 1', /No such key/],
    ['payload["__proto__"] == 1', /No such key/],
    ['payload._type', /did not say true or false/],
    ['payload.subject[7] == 1', /cannot be evaluated/],
    ['payload.predicate', /did not say true or false/],
    ['payload.subject.all(s, s)', /cannot be evaluated/],
  ])('refuses: %s', async (cel, reason) => {
    expect(await holds(cel)).toMatch(/^condition: /)
    expect(await holds(cel)).toMatch(reason)
  })

  it('all have to hold, and the first that does not is named', async () => {
    const conditions = ['true', '1 == 2', 'payload.x'].map((cel, at) => ({ name: `c${at}`, cel }))
    const by = { conditions, celEvaluator: CEL_EVALUATOR }
    const decision = await decided(await statement(), { by })
    expect(decision).toMatchObject({
      rule: 'condition',
      reason: 'the condition "c1" does not hold',
    })
  })

  it('sees verified submitter claims', async () => {
    const by = {
      conditions: [{ name: 'main', cel: 'submitter.ref == "refs/heads/main"' }],
      celEvaluator: CEL_EVALUATOR,
    }
    const submitter = {
      kind: 'oidc' as const,
      issuer: 'i',
      audience: 'a',
      claims: { ref: 'refs/heads/main' },
    }
    const about = await statement()
    const with_ = await decided(about, { by, collateral: { submitter } })
    expect(with_).toMatchObject({ kind: 'accept', collateralUsed: { submitter: true } })
    expect(ruleOf(await decided(about, { by }))).toBe('condition')
  })
})

describe('hostile expressions are no policy', () => {
  const long = (part: string, times: number): string => Array(times).fill(part).join('')
  it.each([
    ['no CEL', 'statement.'],
    ['nothing', ''],
    ['too long', `"${'x'.repeat(2050)}" == ""`],
    [
      'too many nodes',
      Array(200).fill('true').join('&&') + '&&' + Array(200).fill('1==1').join('&&'),
    ],
    ['too deep', long('(', 200) + 'true' + long(')', 200)],
    ['too deep, with !', `${long('!', 1000)}true`],
    ['too deep, with [', `${long('[', 300)}${long(']', 300)} == []`],
    ['a regular expression', 'statement.subject.matches("(a+)+$")'],
    ['concatenation of texts', '(statement.subject + statement.subject) == ""'],
    ['concatenation of lists', '([1] + [2]) == []'],
    ['map', '[1].map(x, [x, x]) == []'],
    ['bind', 'cel.bind(x, [1], x == [1])'],
    ['split', '"a".split("") == []'],
    ['join', '["a"].join("") == ""'],
    ['a map', '{"a": 1}.a == 1'],
    ['time zones', 'timestamp("2020-01-01T00:00:00Z").getHours("Europe/Berlin") == 1'],
    ['a function that depends on the engine', 'statement.subject.lowerAscii() == ""'],
    ['JSON', 'b"{}".json().a'],
    ['bytes', 'b"x" == b"x"'],
    ['an unknown name', 'registrationTime > 0'],
    ['a global', 'process.env.HOME == ""'],
    ['comprehensions nested three deep', '[1].all(a, [1].all(b, [1].all(c, true)))'],
    ['a comprehension without a variable', '[1].all(1, true)'],
    ['a variable that hides another', '[1].all(payload, true)'],
    ['something else than a bool', '1'],
    ['operands that never fit', '1 == "a" && "a" - 1 == 2'],
    ['a list beyond the limit', '1,'.repeat(100).replace(/^/, '1 in [') + '1]'],
    ['assignment', 'payload.x = 1'],
    ['code', '(() => 1)()'],
  ])('%s', (_, cel) => {
    expect(() => parseCel(cel)).toThrow(
      expect.objectContaining({ code: 'ERR_TRUST_CONFIGURATION' }) as Error,
    )
  })
})

describe('the step limit', () => {
  const facts = (payload: unknown): CelFacts => ({
    statement: new Map(),
    payload: new Map(Object.entries(payload as object)),
    submitter: new Map(),
  })
  const list = Array.from({ length: 3000 }, (_, i) => `item ${i}`)

  it.each([
    [
      'two loops over one long list',
      'payload.list.all(a, payload.list.exists(b, a == b))',
      { list },
    ],
    [
      'a list held against each of its elements',
      'payload.list.all(a, a in payload.list)',
      { list },
    ],
    [
      'a long needle in a long text',
      'payload.a.contains(payload.b)',
      { a: 'a'.repeat(30_000), b: `${'a'.repeat(15_000)}b` },
    ],
    [
      'filters in a row, each with a loop',
      `payload.list${'.filter(a, a in payload.list)'.repeat(9)}.size() > 1`,
      { list },
    ],
  ])('refuses %s before it runs', (_, cel, payload) => {
    const program = parseCel(cel)
    expect(boundSteps(program.ast, facts(payload))).toBeGreaterThan(CEL_STEPS_MAX)
    const reason = findUnmetCondition([{ name: 'c', cel }], facts(payload))
    expect(reason).toMatch(/could take more than 50000 steps/)
  })

  it.each([
    ['one loop over a long list', 'payload.list.all(a, a.startsWith("item"))', { list }],
    [
      'two loops over short lists',
      'payload.s.all(a, payload.s.exists(b, a == b))',
      { s: list.slice(0, 100) },
    ],
    ['a short needle in a long text', '!payload.a.contains("needle")', { a: 'a'.repeat(60_000) }],
    ['a deep value', 'payload.a.b[0].c == 1', { a: new Map([['b', [new Map([['c', 1n]])]]]) }],
  ])('lets pass %s', (_, cel, payload) => {
    expect(findUnmetCondition([{ name: 'c', cel }], facts(payload))).toBeUndefined()
  })

  it('is one for all conditions together', () => {
    const cel = 'payload.list.all(a, a.startsWith("item"))'
    const conditions = Array.from({ length: 32 }, (_, at) => ({ name: `c${at}`, cel }))
    expect(findUnmetCondition(conditions, facts({ list }))).toMatch(/more than 50000 steps/)
  })
})
