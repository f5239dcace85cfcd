/**
 * Random honest logs that move: backed up while they grow and restored into another directory, then moved to
 * PostgreSQL by runs that are interrupted, and gone on with after each move. Nothing is lost on the way, what
 * the log told the world still holds, and an audit goes on from what it knew before. `ATTESTRY_SLOW=1` moves
 * many logs.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backupLog } from '../../src/app/backup.ts'
import { freezeLog, unfreezeLog } from '../../src/app/frozen.ts'
import { migrateLog } from '../../src/app/migrate-log.ts'
import { restoreLog } from '../../src/app/restore.ts'
import { UnavailableError } from '../../src/errors.ts'
import { Log } from '../../src/log/log.ts'
import type { AuditReport } from '../../src/monitor/audit-log.ts'
import type { AuditState } from '../../src/monitor/audit-state.ts'
import { readMoved } from '../../src/store/sqlite/moved-log.ts'
import { SqliteGuard } from '../../src/store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { CutProxy } from '../support/cut-proxy.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { nativeHasher } from '../support/naive-tree.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { LOG_ISSUER, LOG_ORIGIN } from '../support/test-registry.ts'
import { auditOn, checkBackup, checkRebuilt } from './moved-log-checks.ts'
import { MovingLog, tablesOf } from './moving-log.ts'
import type { Query } from './moving-log.ts'
import type { Random } from './random-log.ts'
import { rememberingVerifier as verifier } from './remembering-verifier.ts'

const LOGS = Number(process.env['ATTESTRY_LOGS'] ?? (slow ? 300 : 2))
const STEPS = slow ? 16 : 6
/** About what a move sends. */
const SENT_BYTES = slow ? 200_000 : 60_000
const directory = temporaryDirectory()

async function backup(moving: MovingLog, out: string): Promise<number> {
  for (let tries = 0; ; tries++) {
    try {
      const manifest = await backupLog({
        data: moving.data,
        guard: moving.paths.guard,
        out: `${out}-${tries}`,
      })
      await restoreLog({ backup: `${out}-${tries}`, data: out, guard: moving.paths.guard })
      return manifest.head.treeHead.treeSize
    } catch (error) {
      // Content was pruned meanwhile.
      if (!(error instanceof UnavailableError) || tries === 20) throw error
    }
  }
}

/** Nobody signs with an old copy of the log. */
async function checkRefused(moving: MovingLog, data: string): Promise<void> {
  const { serviceSigner: signer, ports } = moving.log.service
  const store = SqliteLogStore.open(join(data, 'log.sqlite'), { mode: 'existing' })
  const guard = SqliteGuard.open(moving.paths.guard)
  const opened = Log.open({
    ...{ store, guard, signer, clock: ports.clock, hasher: nativeHasher, verifier },
    ...{ issuer: LOG_ISSUER, origin: LOG_ORIGIN, onFatal: () => undefined },
  })
  await expect(opened).rejects.toMatchObject({ code: 'ERR_GUARD_AHEAD' })
  await store.close()
  await guard.close()
}

/** Backs up while the log grows; the copies are refused, and the last one goes on. */
async function restoreOften(
  moving: MovingLog,
  files: string,
  random: Random,
  query: Query,
): Promise<void> {
  for (let times = 1 + random(2); times > 0; times--) {
    const data = join(files, `restored-${times}`)
    const before = await moving.tables()
    const growing = moving.live(2 + random(STEPS))
    const size = await backup(moving, data)
    await growing
    const restored = await tablesOf({ store: join(data, 'log.sqlite') }, query)
    checkBackup(restored, [before, await moving.tables()], size)
    await moving.log.grow(moving.log.size + 1)
    await checkRefused(moving, data)
  }
  await moving.index(moving.log.size)
  await moving.stop()
  if (random(2) === 0) await moving.start(undefined, true)
  await moving.stop()
  const before = await moving.tables()
  const data = join(files, 'restored')
  await backup(moving, data)
  await moving.start(data)
  expect(await moving.tables()).toEqual(before)
}

/** Ends a run somewhere, or not: a connection to either database, or the process between two steps. */
function interrupt(random: Random, [to, toGuard]: readonly [CutProxy, CutProxy]): () => void {
  const how = random(6)
  to.endAfter(how < 2 ? random(SENT_BYTES) : 0)
  toGuard.endAfter(how === 2 ? random(4000) : 0)
  // A small log is copied in two steps and checked in one.
  let left = how > 3 ? 1 + random(3) : Number.POSITIVE_INFINITY
  return () => {
    if (--left === 0) throw new Error('interrupted')
  }
}

/** Moves it, by several runs; until one came far enough the log may go on in the old place. */
async function migrate(
  moving: MovingLog,
  random: Random,
  [to, toGuard]: readonly [CutProxy, CutProxy],
  names: readonly [string, string],
): Promise<void> {
  const { guard } = moving.paths
  const target = { to: to.urlOf(names[0]), toGuard: toGuard.urlOf(names[1]) }
  for (let runs = random(5); runs > 0; runs--) {
    const onProgress = interrupt(random, [to, toGuard])
    const run = migrateLog({ data: moving.data, guard, ...target, onProgress })
    await run.catch(() => undefined)
    if (readMoved(join(moving.data, 'log.sqlite')) !== undefined || random(4) === 0) continue
    // It is served as before.
    await moving.start(undefined, random(4) === 0)
    await moving.deleteUpload()
    await moving.live(1 + random(STEPS))
    await moving.stop()
  }
  for (const proxy of [to, toGuard]) proxy.endAfter(0)
  await migrateLog({ data: moving.data, guard, ...target })
}

describePostgres('an honest log that moves', () => {
  const [databases, guards] = [usePostgres(), usePostgres()]
  const proxies: CutProxy[] = []
  beforeAll(async () => {
    for (const { socketPath } of [databases(), guards()]) {
      proxies.push(await CutProxy.listen(socketPath))
    }
  })
  afterAll(async () => {
    for (const proxy of proxies) await proxy.close()
  })
  const query: Query = (sql, url) => databases().query(sql, url)
  const newDatabase = async (server: PostgresServer): Promise<string> =>
    /log_\d+/.exec(await server.createDatabase())![0]

  async function check(one: number): Promise<void> {
    const random = randomFrom(one)
    const files = join(directory, String(one))
    const moving = await MovingLog.create(join(files, 'data'), random, query)
    let state: AuditState | undefined
    const auditOnward = async (): Promise<AuditReport> => {
      const report = await auditOn(moving, state, random)
      state = report.state
      return report
    }
    await moving.live(random(STEPS))
    await auditOnward()
    const older = moving.paths.index
    await restoreOften(moving, files, random, query)
    await checkRebuilt(moving, older)
    await auditOnward()
    await moving.live(random(STEPS))
    await moving.stop()

    const isFrozen = random(4) === 0
    if (isFrozen) await freezeLog({ data: moving.data }, 'moving')
    const names = [await newDatabase(databases()), await newDatabase(guards())] as const
    await migrate(moving, random, proxies as [CutProxy, CutProxy], names)
    const source = await tablesOf({ store: join(moving.data, 'log.sqlite') }, query)
    await moving.start()
    expect(await moving.tables()).toEqual(source)
    expect(await unfreezeLog({ data: moving.data })).toBe(isFrozen)
    await auditOnward()
    await moving.live(1 + random(STEPS))
    await moving.log.settle()
    const last = await auditOnward()
    expect(last.waitingFrom).toBeUndefined()
    expect(last.state.replayed.treeSize).toBe(moving.log.size)
    await moving.stop()
  }

  const seeds = Array.from({ length: LOGS }, (_, at) => seed + at)
  it.each(seeds)('is the same log: seed %i', check)
})
