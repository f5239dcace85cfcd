/**
 * How long a replay of 100,000 entries takes, and what memory it needs: printed, not asserted, and
 * only with ATTESTRY_SLOW=1, because it takes a minute to make such a log.
 */
import { describe, expect, it } from 'vitest'
import { audit } from './audit-fixture.ts'
import { LogForge } from './log-forge.ts'

const isSlow = process.env['ATTESTRY_SLOW'] === '1'
const ENTRIES = 100_000
const BATCH = 100

describe.skipIf(!isSlow)('the audit of a large log', () => {
  it('replays 100,000 entries', { timeout: 600_000 }, async () => {
    const forge = await LogForge.create()
    while (forge.entries.length < ENTRIES) {
      await forge.batch(await forge.statements(`s${forge.entries.length}`, BATCH))
      if (forge.entries.length % (50 * BATCH) < BATCH) await forge.journal()
    }
    await forge.journal()
    const resources = await forge.export()
    let heapMax = 0
    const started = performance.now()
    const cpu = process.cpuUsage()
    const report = await audit(forge, resources, {
      onProgress: () => {
        heapMax = Math.max(heapMax, process.memoryUsage().heapUsed)
      },
    })
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(cpu)
    expect(report.counts.entries).toBe(forge.entries.length)
    const rate = Math.round(report.counts.entries / seconds)
    console.warn(
      `replayed ${report.counts.entries} entries, ${report.counts.heads} heads in ${seconds.toFixed(1)} s ` +
        `(${rate}/s), ${((user + system) / 1e6).toFixed(1)} s of processor, heap ${Math.round(heapMax / 2 ** 20)} MiB`,
    )
  })
})
if (!isSlow) console.warn('replay-speed is skipped: set ATTESTRY_SLOW=1')
