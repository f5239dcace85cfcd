/** The sample of look-ups: drawn evenly, by a seed, and complete for what is drawn. */
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../src/bytes/digest.ts'
import { LookupSample } from '../../src/monitor/lookup-sample.ts'
import { madeUpRecord } from '../support/index-records.ts'

const COUNT = 500

function fill(sample: LookupSample): void {
  for (let at = 0; at < COUNT; at++) {
    const record = madeUpRecord(
      at,
      { issuer: `https://issuer/${at % 3}` },
      {
        kind: at % 2 === 0 ? 'vsa' : 'vex',
        digests: [
          { role: 'subject', algorithm: 'dirHash', value: `${at}` },
          { role: 'dependency', algorithm: 'dirHash', value: `${at % 50}` },
        ],
        attributes: [{ name: 'purl', value: `pkg:npm/a@${at % 7}` }],
        numbers: [{ name: 'score', value: at % 10 }],
      },
    )
    sample.add(at, record, record.registrationTime)
  }
}

function drawn(count: number, seed: string): readonly [string, readonly number[]][] {
  const sample = new LookupSample(count, seed, sha256)
  fill(sample)
  return sample.list().map(({ parameters, indexes }) => [JSON.stringify(parameters), indexes])
}

describe('a sample of look-ups', () => {
  it('knows all entries of each look-up that it draws', () => {
    const all = new Map(drawn(Number.POSITIVE_INFINITY, 's'))
    expect(all.size).toBe(3 + 2 + 1 + COUNT + COUNT + 50 + 7 + 10)
    for (const seed of ['a', 'b', 'c']) {
      for (const [key, indexes] of drawn(40, seed)) expect(indexes, key).toEqual(all.get(key))
    }
  })

  it('draws the same again for a seed, and others for another', () => {
    expect(drawn(40, 'a')).toEqual(drawn(40, 'a'))
    expect(drawn(40, 'a')).not.toEqual(drawn(40, 'b'))
    expect(drawn(40, 'a')).toHaveLength(40)
    expect(drawn(0, 'a')).toEqual([])
  })

  it('draws from every kind of fact, also where one has almost all', () => {
    const names = new Set(
      drawn(9, 'a').map(([key]) => Object.keys(JSON.parse(key) as object).join()),
    )
    expect([...names].sort()).toEqual(
      ['attribute', 'digest,role', 'issuer', 'kind', 'registeredFrom,registeredTo', 'scoreMin,scoreMax', 'type'], // prettier-ignore
    )
  })
})
