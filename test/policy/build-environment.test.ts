/** Levels of the Build Environment track: every combination of what may be there, and what each lacks. */
import { describe, expect, it } from 'vitest'
import {
  BUILD_ENVIRONMENT_DRAFT,
  evaluateBuildEnvironment,
} from '../../src/policy/build-environment.ts'
import type { BuildEnvironment, BuildEnvironmentFacts } from '../../src/policy/build-environment.ts'

/** Image statement, bound evidence, reference values, closed hardware: each there or not. */
type Has = readonly [image: boolean, evidence: boolean, reference: boolean, hardware: boolean]

function evaluate(
  [image, evidence, reference, hardware]: Has,
  more: Partial<BuildEnvironmentFacts> = {},
): BuildEnvironment {
  const piece = {
    ...{ entry: 7, teeTypes: [hardware ? 'tdx' : 'tpm'], debug: false },
    references: reference ? [9] : [],
  }
  return evaluateBuildEnvironment({
    ...{ namesImage: true, imageStatements: image ? [3] : [], imageFailures: [] },
    evidence: evidence ? [piece] : [],
    ...more,
  })
}
const [yes, no] = [true, false]
const inWords = ({ levels }: BuildEnvironment): string =>
  levels.map(({ outcome, gaps }) => (outcome === 'pass' ? 'pass' : gaps.join())).join(' ')

const GOLDEN: readonly (readonly [Has, number, string])[] = [
  [[no, no, no, no], 0, 'image-statement bound-evidence bound-evidence'],
  [[no, no, no, yes], 0, 'image-statement bound-evidence bound-evidence'],
  [[no, no, yes, no], 0, 'image-statement bound-evidence bound-evidence'],
  [[no, no, yes, yes], 0, 'image-statement bound-evidence bound-evidence'],
  [[no, yes, no, no], 0, 'image-statement reference-values hardware-evidence'],
  [[no, yes, no, yes], 0, 'image-statement reference-values reference-values'],
  [[no, yes, yes, no], 0, 'image-statement pass hardware-evidence'],
  [[no, yes, yes, yes], 0, 'image-statement pass pass'],
  [[yes, no, no, no], 1, 'pass bound-evidence bound-evidence'],
  [[yes, no, no, yes], 1, 'pass bound-evidence bound-evidence'],
  [[yes, no, yes, no], 1, 'pass bound-evidence bound-evidence'],
  [[yes, no, yes, yes], 1, 'pass bound-evidence bound-evidence'],
  [[yes, yes, no, no], 1, 'pass reference-values hardware-evidence'],
  [[yes, yes, no, yes], 1, 'pass reference-values reference-values'],
  [[yes, yes, yes, no], 2, 'pass pass hardware-evidence'],
  [[yes, yes, yes, yes], 3, 'pass pass pass'],
]

describe('evaluateBuildEnvironment', () => {
  it.each(GOLDEN)('image, evidence, reference, hardware %j: level %i', (has, level, words) => {
    const environment = evaluate(has)
    expect(environment).toMatchObject({ draft: BUILD_ENVIRONMENT_DRAFT, level })
    expect(inWords(environment)).toBe(words)
  })

  it('rests on the entries that it names', () => {
    const { levels } = evaluate([yes, yes, yes, yes])
    expect(levels.map(({ entries }) => entries)).toEqual([[3], [7, 9], [7, 9]])
  })

  it('loses a level with each statement that is taken away, and names what is missing', () => {
    expect(inWords(evaluate([no, yes, yes, yes]))).toContain('image-statement')
    expect(inWords(evaluate([yes, no, yes, yes]))).toContain('bound-evidence')
    expect(inWords(evaluate([yes, yes, no, yes]))).toContain('reference-values')
    for (const without of [0, 1, 2] as const) {
      const has = ([yes, yes, yes, yes] as boolean[]).map(
        (_, at) => at !== without,
      ) as unknown as Has
      expect(evaluate(has).level).toBeLessThan(3)
    }
  })

  it('fails what speaks against a level, and only that', () => {
    const all: Has = [yes, yes, yes, yes]
    const open = { entry: 7, teeTypes: ['tdx'], debug: true, references: [9] }
    const debug = evaluate(all, { evidence: [open] })
    expect(debug).toMatchObject({
      level: 2,
      levels: [{}, {}, { outcome: 'fail', gaps: ['debug'] }],
    })
    const other = { ...open, entry: 8, debug: false }
    expect(evaluate(all, { evidence: [open, other] }).levels[2]).toMatchObject({ outcome: 'pass', entries: [8, 9] }) // prettier-ignore
    const failed = evaluate([no, yes, yes, yes], { imageFailures: [4] })
    expect(failed.levels[0]).toMatchObject({ outcome: 'fail', entries: [4], gaps: ['image-failed'] }) // prettier-ignore
    // Bad news about an image that others vouch for is listed elsewhere; the level stays.
    expect(evaluate(all, { imageFailures: [4] }).level).toBe(3)
    expect(evaluate([no, no, no, no], { namesImage: false }).levels[0]).toMatchObject({ gaps: ['image'] }) // prettier-ignore
  })

  it('counts a virtual TPM on confidential hardware as hardware', () => {
    const vtpm = { entry: 7, teeTypes: ['tpm', 'sev-snp'], debug: false, references: [9] }
    expect(evaluate([yes, yes, yes, yes], { evidence: [vtpm] }).level).toBe(3)
    for (const teeType of ['sgx', 'nitro', 'tpm']) {
      const piece = { ...vtpm, teeTypes: [teeType] }
      expect(evaluate([yes, yes, yes, yes], { evidence: [piece] }).level).toBe(2)
    }
  })
})
