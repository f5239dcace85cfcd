/** A move to PostgreSQL that is interrupted, and a log that goes on in the old place before the next run. */
import { afterAll, expect, it } from 'vitest'
import { migrateLog } from '../../src/app/migrate-log.ts'
import { prunePayload } from '../../src/app/prune-payload.ts'
import { parsePayloadName } from '../../src/statement/payload-name.ts'
import { PostgresPayloadStore } from '../../src/store/postgres/postgres-payload-store.ts'
import { closeServices, inToto, nameOf, PayloadService } from '../support/payload-service.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'

describePostgres('attestry migrate, interrupted', () => {
  const databases = usePostgres()
  const guards = usePostgres()
  afterAll(closeServices)

  it('does not bring back what was deleted between two runs', async () => {
    const other = await PayloadService.create()
    const { data } = other
    const deleted = inToto(5)
    expect(await other.put(deleted, 'sha512')).toBe(201)
    await other.stop()
    const to = await databases().createDatabase()
    const move = { data, to, toGuard: await guards().createDatabase() }
    const stopped = migrateLog({
      ...move,
      onProgress: ({ stage }) => {
        if (stage === 'checking') throw new Error('stopped')
      },
    })
    await expect(stopped).rejects.toThrow('stopped')
    const pruned = await prunePayload({ data, name: parsePayloadName(nameOf(deleted)) })
    expect(pruned).toMatchObject({ kind: 'deleted' })
    await migrateLog(move)
    const payloads = await PostgresPayloadStore.open(to)
    for (const algorithm of ['sha256', 'sha512']) {
      expect(await payloads.find(parsePayloadName(nameOf(deleted, algorithm)))).toBeUndefined()
    }
    await payloads.close()
  })
})
