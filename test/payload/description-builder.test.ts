/** What a builder collects: each item once, few or many, and no two taken for one. */
import { expect, it } from 'vitest'
import { DescriptionBuilder } from '../../src/payload/description-builder.ts'

it.each([3, 31, 32, 33, 200])('keeps each of %i items once, in their order', (count) => {
  const out = new DescriptionBuilder()
  const values = Array.from({ length: count }, (_, at) => `value ${at}`)
  for (const value of [...values, ...values.toReversed()]) {
    out.attribute('purl', value).attribute('package', value)
    out.digest('subject', 'dirHash', value).digest('dependency', 'dirHash', value)
    out.number('score', Number(value.slice(6))).number('score', Number(value.slice(6)))
  }
  const { attributes, digests, numbers } = out.build('opaque', '')
  expect(attributes).toEqual(
    values.flatMap((value) => [
      { name: 'purl', value },
      { name: 'package', value },
    ]),
  )
  expect(digests).toEqual(
    values.flatMap((value) => [
      { role: 'subject', algorithm: 'dirHash', value },
      { role: 'dependency', algorithm: 'dirHash', value },
    ]),
  )
  expect(numbers).toEqual(values.map((_, value) => ({ name: 'score', value })))
})

it('keeps what has no case in the one form that look-ups ask for', () => {
  const out = new DescriptionBuilder()
  out.digestSet('subject', { SHA256: 'AB'.repeat(32), 'sha-512': 'cd'.repeat(64), GITCOMMIT: 'ef' })
  out.attribute('vulnerability', 'cve-2021-44228').attribute('vulnerability', 'CVE-2021-44228')
  out.attribute('advisory', 'GHSA-JFH8-C2JP-5V3Q').attribute('advisory', 'openSUSE-SU-2019:1915-1')
  out.attribute('bound-key', 'AB01').attribute('measurement', 'HostData:AB01')
  expect(out.build('opaque', '')).toMatchObject({
    digests: [
      { algorithm: 'sha256', value: 'ab'.repeat(32) },
      { algorithm: 'sha512', value: 'cd'.repeat(64) },
      { algorithm: 'gitCommit', value: 'ef' },
    ],
    attributes: [
      { name: 'vulnerability', value: 'CVE-2021-44228' },
      { name: 'advisory', value: 'GHSA-jfh8-c2jp-5v3q' },
      { name: 'advisory', value: 'openSUSE-SU-2019:1915-1' },
      { name: 'bound-key', value: 'ab01' },
      { name: 'measurement', value: 'HostData:ab01' },
    ],
    findings: [{ code: 'digest-form' }],
  })
})

it.each([0, 40])('takes no two digests for one, after %i others', (others) => {
  const out = new DescriptionBuilder()
  for (let at = 0; at < others; at++) out.digest('evidence', 'arn', `${at}`)
  out.digest('subject', 'a b', 'c').digest('subject', 'a', 'b c')
  expect(out.build('opaque', '').digests.slice(others)).toEqual([
    { role: 'subject', algorithm: 'a b', value: 'c' },
    { role: 'subject', algorithm: 'a', value: 'b c' },
  ])
})
