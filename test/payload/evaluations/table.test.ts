/** Every kind of evaluation and governance: what is read, and what is refused with its place and code. */
import { describe, expect, it } from 'vitest'
import { BARE, EVALUATIONS } from './evaluation-cases.ts'
import { GOVERNANCE } from './governance-cases.ts'
import { inToto } from './samples.ts'
import { changed, readAs } from './unsigned.ts'

describe.each([...EVALUATIONS, ...GOVERNANCE])('$kind ($type)', (row) => {
  const { kind, type, sample, valid, broken } = row

  it('has enough cases', () => {
    expect(valid.length).toBeGreaterThanOrEqual(3)
    expect(broken.length).toBeGreaterThanOrEqual(5)
  })

  it.each([{ what: 'as the sample', predicate: sample }, ...named(valid)])(
    'reads one $what',
    ({ predicate }) => {
      expect(readAs(inToto(type, predicate))).toMatchObject({ kind, type, refusal: '' })
    },
  )

  it.each(cases(broken))('refuses $what', ({ path, value, pointer }) => {
    const read = readAs(inToto(type, changed(sample, path, value)))
    expect(read.refusal).toBe(`ERR_PAYLOAD_MALFORMED /predicate${pointer}`)
    expect(read).toMatchObject({
      kind: 'opaque',
      digests: [],
      findings: [{ code: 'malformed', pointer: `/predicate${pointer}` }],
    })
  })
})

describe.each(BARE)('bare $kind ($type)', ({ kind, type, sample, valid, broken }) => {
  it.each([{ what: 'as the sample', predicate: sample }, ...named(valid)])(
    'reads one $what',
    ({ predicate }) => {
      expect(readAs(predicate, type)).toMatchObject({ kind, type, refusal: '' })
    },
  )

  it.each(cases(broken))('refuses $what', ({ path, value, pointer }) => {
    const read = readAs(changed(sample, path, value), type)
    expect(read.refusal).toBe(`ERR_PAYLOAD_MALFORMED ${pointer}`)
    expect(read.kind).toBe('opaque')
  })

  it('is recognised where the media type says only JSON', () => {
    expect(readAs(sample, 'application/json')).toMatchObject({ kind, type: 'application/json' })
  })
})

function named(
  valid: (typeof EVALUATIONS)[number]['valid'],
): { what: string; predicate: object }[] {
  return valid.map(([what, predicate]) => ({ what, predicate }))
}

function cases(
  broken: (typeof EVALUATIONS)[number]['broken'],
): { what: string; path: string; value: unknown; pointer: string }[] {
  return broken.map(([what, path, value, pointer = path]) => ({ what, path, value, pointer }))
}
