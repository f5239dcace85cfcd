/** Deleting content: what may go at once, what takes the operator's public word, and what audits say. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, it } from 'vitest'
import { checkLog } from '../../src/app/check-log.ts'
import { exportLog } from '../../src/app/export-log.ts'
import { LogDirectory } from '../../src/app/log-directory.ts'
import { prunePayload } from '../../src/app/prune-payload.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeAuditState } from '../../src/monitor/audit-state-file.ts'
import { parsePayloadName } from '../../src/statement/payload-name.ts'
import { SqlitePreimages } from '../../src/store/sqlite/sqlite-preimages.ts'
import {
  signer,
  nameOf,
  inToto,
  PayloadService,
  faultOf,
  closeServices,
  pathOf,
} from '../support/payload-service.ts'

afterAll(closeServices)

describe('pruning', () => {
  const good = inToto(1)
  const digest = nameOf(good)
  const name = parsePayloadName(digest)

  it('deletes at once what nothing rests on', async () => {
    const service = await PayloadService.create()
    const unused = inToto(9)
    await service.put(unused)
    const prune = (): ReturnType<typeof prunePayload> =>
      prunePayload({ data: service.data, name: parsePayloadName(nameOf(unused)) })
    expect(await prune()).toMatchObject({ kind: 'deleted', bytes: unused.length })
    expect((await service.get(`payloads/${nameOf(unused)}`)).status).toBe(404)
    expect(await prune()).toEqual({ kind: 'unknown' })
    // It may come back: nobody said otherwise.
    expect(await service.put(unused)).toBe(201)
  })

  it('of what an admission read takes the registered word of the operator, and is never passed', async () => {
    const service = await PayloadService.create()
    await service.put(good)
    expect((await service.register(await service.envelope(good))).status).toBe(201)
    const { data } = service
    expect(await prunePayload({ data, name })).toEqual({ kind: 'needs-statement', digest })
    expect((await service.registerPruning(digest, 'not theirs to say', signer)).status).toBe(400)
    await service.restart()
    const before = encodeAuditState((await service.audit()).state)
    const out = pathOf('export-pruned')
    await exportLog({ data, out })

    const registerPruning = async (): Promise<void> => {
      expect((await service.registerPruning(digest, 'a court asked')).status).toBe(201)
    }
    const outcome = await prunePayload({ data, name, registerPruning })
    expect(outcome).toMatchObject({
      kind: 'deleted',
      pruning: { leafIndex: 5, reason: 'a court asked' },
    })
    expect((await service.get(`payloads/${digest}`)).status).toBe(410)
    expect((await service.get(`collateral/${digest}`)).status).toBe(404)
    expect(await service.put(good)).toBe(410)
    expect(service.rows('SELECT count(*) FROM collateral')).toEqual([0])
    expect((await checkLog({ data })).entries).toBe(6)
    // The same content is withheld from now on.
    const again = await service.envelope(good, { subject: 'again' })
    expect(await service.register(again)).toMatchObject({ rule: 'predicate-type' })

    await service.restart()
    const unreplayed = [{ leafIndex: 3, digest, prunedBy: 5 }]
    const report = await service.audit()
    expect(report).toMatchObject({ unreplayed, isComplete: true })
    // An auditor remembers; who replayed it while it was there has nothing to take back.
    const later = encodeAuditState(report.state)
    expect((await service.audit(undefined, later)).unreplayed).toEqual(unreplayed)
    expect((await service.audit(undefined, before)).unreplayed).toEqual([])

    await exportLog({ data, out })
    expect(existsSync(join(out, `collateral/${digest}`))).toBe(false)
    expect((await service.audit(new LogDirectory(out))).unreplayed).toEqual(unreplayed)
    const mirror = pathOf('mirror-pruned')
    await service.mirror(mirror)
    expect((await service.audit(new LogDirectory(mirror))).unreplayed).toEqual(unreplayed)
  }, 30_000)

  it('of what the index read takes it, too', async () => {
    const service = await PayloadService.create()
    const content = encodeUtf8('{}')
    await service.put(content)
    const preimages = SqlitePreimages.open(join(service.data, 'log.sqlite'))
    preimages.read(parsePayloadName(nameOf(content)))
    const prune = { data: service.data, name: parsePayloadName(nameOf(content)) }
    expect(await prunePayload(prune)).toMatchObject({ kind: 'needs-statement' })
    expect((await service.registerPruning(nameOf(content), 'private')).status).toBe(201)
    expect(await prunePayload(prune)).toMatchObject({ kind: 'deleted', pruning: { leafIndex: 3 } })
    expect(preimages.read(parsePayloadName(nameOf(content)))).toBeUndefined()
    preimages.close()
  })

  it('without a word is the fault of the log, whatever the operator registers before the entry', async () => {
    const service = await PayloadService.create()
    expect((await service.registerPruning(digest, 'too early')).status).toBe(201)
    await service.put(good)
    expect((await service.register(await service.envelope(good))).status).toBe(201)
    await service.restart()
    const database = new Database(join(service.data, 'log.sqlite'))
    database.exec('DELETE FROM collateral')
    database.close()
    expect(await faultOf(service.audit())).toBe('collateral at 4')
  })

  it('judges nothing by the rules of another time', async () => {
    const service = await PayloadService.create()
    await service.put(good)
    expect((await service.register(await service.envelope(good))).status).toBe(201)
    await service.setPolicy({ predicateTypes: ['*'], contentTypes: ['text/plain'] })
    expect((await service.registerPruning(digest, 'reason')).status).toBe(201)
    await prunePayload({ data: service.data, name })
    await service.restart()
    expect((await service.audit()).unreplayed).toHaveLength(1)
  })
})
