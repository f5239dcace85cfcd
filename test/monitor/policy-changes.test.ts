/** Policies P1, P2, P3 in mid-stream over 1,000 entries: each entry replays under its own. */
import { describe, expect, it } from 'vitest'
import { audit, findFault } from './audit-fixture.ts'
import { LogForge } from './log-forge.ts'

const JSON_TYPE = 'application/json'
const text = { contentType: 'text/plain' }
const json = { contentType: JSON_TYPE }

/** P1 admits everything, P2 only JSON, P3 only text; `wrong` is admitted in spite of its policy. */
async function changingLog(wrong?: number): Promise<LogForge> {
  const forge = await LogForge.create()
  const policies = [undefined, [JSON_TYPE], ['text/*']]
  for (const [era, contentTypes] of policies.entries()) {
    if (contentTypes !== undefined) {
      await forge.batch([await forge.policyStatement({ contentTypes })])
    }
    for (let batch = 0; batch < 20; batch++) {
      const first = era * 340 + batch * 17
      const statements = Array.from({ length: 17 }, (_, at) => {
        const usual = era === 1 || (era === 0 && at % 2 === 0) ? json : text
        const parts = first + at === wrong ? { contentType: 'image/png' } : usual
        return forge.statement(`s-${first + at}`, parts)
      })
      await forge.batch(await Promise.all(statements))
    }
    await forge.journal()
  }
  return forge
}

describe('policy changes', () => {
  it('replay with no difference', async () => {
    const report = await audit(await changingLog())
    expect(report.counts.entries).toBe(2 + 1020 + 2 + 3)
  })

  it.each([350, 600, 700, 1019])('name the one decision that was flipped: %i', async (wrong) => {
    const found = await findFault(await changingLog(wrong))
    // Two entries of genesis; a policy and a journal for each era before.
    const leafIndex = wrong + 2 + Math.floor(wrong / 340) * 2
    const isLikeP1 = wrong < 680
    expect(found).toMatchObject({ code: isLikeP1 ? 15 : 14, leafIndex, rule: 'content-type' })
  })
})
