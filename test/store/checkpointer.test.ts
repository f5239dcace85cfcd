/**
 * WAL checkpoints run beside the commits: on this thread when the sources run unbuilt, and in the
 * worker thread that a build has. The worker is built here, for this test alone.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startCheckpointer } from '../../src/store/sqlite/checkpointer.ts'
import { openDatabase } from '../../src/store/sqlite/database.ts'
import type { SqliteDatabase } from '../../src/store/sqlite/database.ts'
import { useBuiltWorker } from '../support/built-worker.ts'
import { TestDirectory } from '../support/sqlite.ts'

function writePages(database: SqliteDatabase, count: number): void {
  database.exec('CREATE TABLE IF NOT EXISTS page (bytes BLOB)')
  const insert = database.prepare('INSERT INTO page VALUES (zeroblob(100000))')
  database.transaction(() => {
    for (let at = 0; at < count; at++) insert.run()
  })()
}

interface Wal {
  readonly log: number
  readonly checkpointed: number
}

function wal(database: SqliteDatabase): Wal {
  return (database.pragma('wal_checkpoint(NOOP)') as Wal[])[0]!
}

const waiting = (database: SqliteDatabase): number => wal(database).log - wal(database).checkpointed

describe('a checkpointer', () => {
  const built = useBuiltWorker('store/sqlite/checkpoint-worker.ts')
  let directory: TestDirectory
  let database: SqliteDatabase
  beforeEach(() => {
    directory = new TestDirectory()
    database = openDatabase(directory.storePath, { create: true })
  })
  afterEach(() => {
    database.close()
    directory.remove()
  })

  for (const place of ['on this thread', 'in a worker'] as const) {
    it(`copies the WAL into the database ${place}`, async () => {
      const worker = place === 'in a worker' ? built.url : undefined
      const checkpointer = startCheckpointer(directory.storePath, { worker })
      writePages(database, 10)
      await expect.poll(() => waiting(database), { timeout: 5000 }).toBe(0)
      await checkpointer.stop()
    })

    it(`starts a long WAL again ${place}, though commits never pause`, async () => {
      const worker = place === 'in a worker' ? built.url : undefined
      const options = { worker, walFramesMax: 2000 }
      const checkpointer = startCheckpointer(directory.storePath, options)
      let restarts = 0
      let before = 0
      let holds = 0
      for (let commits = 0; restarts < 3; commits++) {
        expect(commits).toBeLessThan(5000)
        if (checkpointer.hold !== undefined) holds += 1
        await checkpointer.hold
        writePages(database, 4)
        const { log } = wal(database)
        if (log < before) restarts += 1
        before = log
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      await checkpointer.stop()
      expect(checkpointer.hold).toBeUndefined()
      expect(holds > 0).toBe(place === 'in a worker')
    })
  }

  for (const place of ['on this thread', 'in a worker'] as const) {
    it(`outlives a file that cannot be opened ${place}`, async () => {
      const away = `${directory.storePath}.away`
      const worker = place === 'in a worker' ? built.url : undefined
      const checkpointer = startCheckpointer(away, { worker })
      // Until it has tried.
      await new Promise((resolve) => setTimeout(resolve, 500))
      const back = openDatabase(away, { create: true })
      writePages(back, 10)
      await expect.poll(() => waiting(back), { timeout: 5000 }).toBe(0)
      await checkpointer.stop()
      back.close()
    })
  }

  it('goes on here when its worker cannot', async () => {
    const worker = new URL('missing.mjs', built.url)
    const checkpointer = startCheckpointer(directory.storePath, { worker })
    writePages(database, 10)
    await expect.poll(() => waiting(database), { timeout: 5000 }).toBe(0)
    await checkpointer.stop()
  })
})
