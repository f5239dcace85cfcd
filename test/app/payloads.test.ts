/**
 * Payloads on a data directory as an operator has it (design D1): what admission reads becomes
 * collateral, and an auditor with public bytes gets the same answers.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkLog } from '../../src/app/check-log.ts'
import { exportLog } from '../../src/app/export-log.ts'
import { LogDirectory } from '../../src/app/log-directory.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import type { ResourceReader } from '../../src/monitor/resource-reader.ts'
import { parsePayloadName } from '../../src/statement/payload-name.ts'
import { SqlitePreimages } from '../../src/store/sqlite/sqlite-preimages.ts'
import { testSigner } from '../support/test-signer.ts'
import {
  nameOf,
  inToto,
  PayloadService,
  faultOf,
  closeServices,
  pathOf,
} from '../support/payload-service.ts'

afterAll(closeServices)

describe('content that is stored before its statement is registered', () => {
  let service: PayloadService
  const good = inToto(1)
  beforeAll(async () => {
    service = await PayloadService.create()
  })

  it('is read by the rules of the policy, which refuse what they cannot read', async () => {
    expect(await service.register(await service.envelope(good))).toMatchObject({
      ...{ status: 400, rule: 'predicate-type' },
    })
    const bad = inToto(2, 'https://bad.example/a')
    expect([await service.put(good), await service.put(bad)]).toEqual([201, 201])
    expect((await service.register(await service.envelope(good))).status).toBe(201)
    expect(await service.register(await service.envelope(bad))).toMatchObject({
      ...{ status: 400, rule: 'predicate-type' },
    })
  })

  it('moves: it is collateral of its entry, is stored once, and served by both names', async () => {
    const stored = service.rows('SELECT lower(hex(digest)) FROM payload')
    expect(stored).toEqual([nameOf(inToto(2, 'https://bad.example/a')).slice(7)])
    expect(service.rows('SELECT kind FROM entry_collateral')).toEqual(['preimage'])
    for (const path of ['payloads', 'collateral']) {
      const served = await service.get(`${path}/${nameOf(good)}`)
      expect(served).toEqual({ status: 200, bytes: good })
    }
    expect(await service.put(good)).toBe(204)
    expect(service.rows('SELECT count(*) FROM payload')).toEqual([1])
    // Another entry of the same content shares it, also by another digest.
    await service.put(good, 'sha512')
    const other = await service.envelope(good, { hash: 'SHA-512', subject: 'other' })
    expect((await service.register(other)).status).toBe(201)
    expect(service.rows('SELECT count(*) FROM collateral')).toEqual([1])
    expect(service.rows('SELECT count(*) FROM entry_collateral')).toEqual([2])
  })

  it('makes nobody wait who is not known: the content is not even read', async () => {
    const stranger = testSigner()
    const statement = await service.envelope(good, { signer: stranger, subject: 'forged' })
    expect((await service.register(statement)).status).toBe(400)
  })

  it('satisfies auditors, of the log, an export and a mirror', async () => {
    // Until a journal says whether content was at hand, nothing is said about a hash envelope.
    expect((await service.audit()).waitingFrom).toBe(3)
    await service.restart()
    const report = await service.audit()
    expect(report).toMatchObject({ unreplayed: [], counts: { entries: 6 } })
    expect(report.waitingFrom).toBeUndefined()

    const [exported, mirrored] = [pathOf('export'), pathOf('mirror')]
    await exportLog({ data: service.data, out: exported })
    await service.mirror(mirrored)
    for (const copy of [exported, mirrored]) {
      expect(existsSync(join(copy, `collateral/${nameOf(good)}`))).toBe(true)
      const audited = await service.audit(new LogDirectory(copy))
      expect(audited).toMatchObject({ unreplayed: [], counts: { entries: 6 } })
    }
    expect(readdirSync(join(exported, 'payloads'))).toEqual([nameOf(good, 'sha512')])
    expect((await checkLog({ data: service.data })).entries).toBe(6)
  })

  it('is missed by an auditor when the log does not serve it', async () => {
    const reader = service.reader()
    const hiding: ResourceReader = {
      name: reader.name,
      read: (path, max) =>
        path === `collateral/${nameOf(good)}` ? Promise.resolve(undefined) : reader.read(path, max),
    }
    expect(await faultOf(service.audit(hiding))).toBe('collateral at 3')
    const lying: ResourceReader = {
      name: reader.name,
      read: async (path, max) =>
        path.startsWith('collateral/') ? encodeUtf8('forged') : reader.read(path, max),
    }
    expect(await faultOf(service.audit(lying))).toBe('collateral at 3')
  })
})

describe('content that is stored after its statement was registered', () => {
  it('is taken from anybody, is no collateral, and changes no replay', async () => {
    const service = await PayloadService.create()
    const content = encodeUtf8('{"spdx":"…"}')
    const statement = await service.envelope(content, { contentType: 'application/spdx+json' })
    expect(await service.put(content, 'sha256', '')).toBe(401)
    expect((await service.register(statement)).status).toBe(201)
    expect(await service.put(content, 'sha256', '')).toBe(201)
    await service.restart()
    expect(service.rows('SELECT kind FROM entry_collateral')).toEqual([])
    expect((await service.get(`payloads/${nameOf(content)}`)).bytes).toEqual(content)
    expect((await service.audit()).counts.entries).toBe(5)
  })

  it('is pinned by the index that reads it, and exported then', async () => {
    const service = await PayloadService.create()
    const content = encodeUtf8('{"spdx":"…"}')
    await service.put(content, 'sha384')
    const out = pathOf('export-pinned')
    await exportLog({ data: service.data, out })
    expect(existsSync(join(out, 'payloads'))).toBe(false)

    const preimages = SqlitePreimages.open(join(service.data, 'log.sqlite'))
    expect(preimages.read(parsePayloadName(nameOf(content, 'sha384')))).toEqual(content)
    expect(preimages.read(parsePayloadName(nameOf(content)))).toEqual(content)
    expect(preimages.read(parsePayloadName(`sha256:${'0'.repeat(64)}`))).toBeUndefined()
    preimages.close()
    await exportLog({ data: service.data, out })
    expect(readdirSync(join(out, 'payloads')).sort()).toEqual([
      nameOf(content),
      nameOf(content, 'sha384'),
    ])
    const source = new LogSource(new LogDirectory(out))
    expect(await source.payload(nameOf(content, 'sha384'))).toEqual(content)
  })
})
