/** No statement of the log store reads a whole table: plans are made when tables are small, and stay. */
import { beforeAll, expect, it } from 'vitest'
import { COMMIT } from '../../src/store/postgres/commit-statement.ts'
import { PostgresDatabase } from '../../src/store/postgres/database.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { READ_BACK } from '../../src/store/postgres/read-back.ts'
import { SQL } from '../../src/store/postgres/statements.ts'
import { Scribe } from '../contract/log-store.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'

/** Read whole, since it has a row for each key that there ever was. */
const WHOLE: readonly string[] = ['listServiceKeys']

describePostgres('plans of PostgreSQL', () => {
  const server = usePostgres()
  let url: string
  beforeAll(async () => {
    url = await server().createDatabase()
    const store = await PostgresLogStore.open(url, { mode: 'create' })
    await store.create(new Scribe(store).genesis())
    await store.close()
  })

  it.each([...Object.values(SQL), COMMIT, READ_BACK])(
    '$name looks up what it needs',
    async ({ name, text }) => {
      const database = await PostgresDatabase.open(url, { connectionsMax: 1 })
      try {
        const plan = await database.transaction(async (run) => {
          const count = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, at]) => Number(at)))
          const nulls = count === 0 ? '' : `(${Array.from({ length: count }, () => 'NULL').join()})`
          await run({ name: 'generic', text: 'SET LOCAL plan_cache_mode = force_generic_plan' })
          await run({ name: 'prepare', text: `PREPARE planned AS ${text}` })
          const lines = await run<Record<string, string>>({
            name: 'explain',
            text: `EXPLAIN (COSTS off) EXECUTE planned${nulls}`,
          })
          return lines.map((line) => line['QUERY PLAN']).join('\n')
        })
        expect(plan.includes('Seq Scan'), plan).toBe(WHOLE.includes(name))
      } finally {
        await database.close()
      }
    },
  )

  it('are made once, whatever the values are', async () => {
    const database = await PostgresDatabase.open(url, { connectionsMax: 1 })
    try {
      for (let times = 0; times < 10; times++) {
        await database.query(SQL.findLeafIndexes, [Buffer.alloc(32), 1])
        await database.query(SQL.readTiles, [[0], [0]])
      }
      const counted = await database.query({
        name: 'count_plans',
        text: `SELECT name, generic_plans > 1 AS kept, custom_plans > 0 AS made_anew
          FROM pg_prepared_statements WHERE name IN ('findLeafIndexes', 'readTiles') ORDER BY name`,
      })
      expect(counted).toEqual([
        { name: 'findLeafIndexes', kept: true, made_anew: false },
        { name: 'readTiles', kept: true, made_anew: false },
      ])
    } finally {
      await database.close()
    }
  })
})
