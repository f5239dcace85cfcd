/** What an operator is told when a served log in PostgreSQL loses its database or its guard. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServiceEvent } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

describePostgres('an outage', () => {
  const servers = { store: usePostgres(), guard: usePostgres() }
  const data = join(temporaryDirectory(), 'data')
  const events: ServiceEvent[] = []
  let registry: RunningRegistry

  beforeAll(async () => {
    const store = await servers.store().createDatabase()
    const guard = await servers.guard().createDatabase()
    const anchors = [{ kind: 'cose-key' as const, key: testSigner().publicKey, issuers: ['*'] }]
    await initLog({ data, origin: 'log.example.org', anchors, store, guard })
    const report = (event: ServiceEvent): void => void events.push(event)
    const flags = { data, store, guard, port: 0, adminPort: 0, index: 'off', scrubRateBytes: 0 }
    registry = await startRegistry(readConfig(flags, { report }))
  })
  afterAll(() => registry.close())

  const told = (place: string): unknown[] =>
    events
      .filter(({ event }) => event.startsWith(`${place}-`))
      .map(({ level, event, code }) => [level, event, code])
  const timeout = 20_000
  const metric = async (name: string): Promise<string | undefined> => {
    const text = await (await fetch(`${registry.adminUrl}/metrics`)).text()
    return text.split('\n').find((line) => line.startsWith(name))
  }

  it.each([
    ['guard', 'guard', 'ERR_GUARD_UNREACHABLE'],
    ['store', 'head', 'ERR_STORE_UNREACHABLE'],
  ] as const)(
    'of the %s is an event, its end is another, and a metric says it meanwhile',
    async (place, check, code) => {
      const gauge = `attestry_check{check="${check}"}`
      expect(await metric(gauge)).toBe(`${gauge} 1`)
      await servers[place]().kill()
      const lost = ['error', `${place}-unreachable`, code]
      await expect.poll(() => told(place), { timeout }).toEqual([lost])
      expect(await metric(gauge)).toBe(`${gauge} 0`)
      const event = `attestry_events_total{event="${place}-unreachable",level="error"}`
      expect(await metric(event)).toBe(`${event} 1`)
      await servers[place]().start()
      await expect
        .poll(() => told(place), { timeout })
        .toEqual([lost, ['info', `${place}-answers`, undefined]])
      expect(await metric(gauge)).toBe(`${gauge} 1`)
      const { message } = events.find((one) => one.event === `${place}-unreachable`)!
      expect(message).toMatch(/the database postgres:.* does not answer: /)
    },
  )
})
