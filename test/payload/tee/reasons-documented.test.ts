/** Refusals of evidence begin with a stable word: each of them is in docs/tee.md or docs/evidence-intel.md. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

it('every reason is documented', () => {
  const [, list] = /export type EvidenceReason =([\s\S]*?)\n\n/.exec(
    read('src/payload/tee/evidence.ts'),
  )!
  const reasons = [...list!.matchAll(/^ +\| '([a-z-]+)'/gm)].map(([, reason]) => reason!)
  expect(reasons.length).toBeGreaterThan(60)
  const docs = read('docs/tee.md') + read('docs/evidence-intel.md')
  // Of the two signed documents of Intel the table has what they have in common, once.
  const isFamily = (reason: string): boolean => /^(?:tcb-info|qe-identity)-/.test(reason)
  expect(reasons.filter((one) => !isFamily(one) && !docs.includes(`\`${one}\``))).toEqual([])
})
