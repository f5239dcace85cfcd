/**
 * The index of TEE evidence under audit (exit status 19): what is found by a security version, by a
 * measured value without its name, or by a number has tables of its own, and each hidden row is named.
 */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditFault, FAULT_EXIT_CODES } from '../../src/monitor/audit-fault.ts'
import { TDX_QUOTE_MEDIA_TYPE } from '../../src/payload/tee/tdx-quote.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import { openIndex } from '../../src/store/sqlite/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/sqlite-index.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { indexLog } from '../support/index-log.ts'
import { makeDcap } from '../support/intel-pki.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { TestRegistry } from '../support/test-registry.ts'

const INDEX = { lookups: Number.POSITIVE_INFINITY, seed: 'fixed' }
const path = join(temporaryDirectory(), 'index.sqlite')
let service: TestRegistry
let url: string
let reader: SqliteIndex
let tables: Database.Database

beforeAll(async () => {
  const { writer } = await openIndex(path, { madeBy: 'test' })
  reader = SqliteIndex.open(path)
  service = await TestRegistry.create({ index: reader })
  // Quotes without collateral: the policy of the genesis would have them verified.
  await service.registry.register(await service.policyStatement({}))
  for (const [at, teeTcbSvn] of ['060103', '050103', '060103'].entries()) {
    const { quote } = makeDcap({ tee: 'tdx', domain: { teeTcbSvn } })
    await service.registry.register(
      await service.statement(at, { payload: quote, contentType: TDX_QUOTE_MEDIA_TYPE }),
    )
  }
  const ports = { ...service.ports, log: service.log }
  await (await JournalWriter.open({ ports, signer: service.registrar })).write()
  await indexLog(writer, service)
  await writer.close()
  url = (await service.listen()).url
  tables = new Database(path)
})
afterAll(async () => {
  tables.close()
  await service.close()
  await reader.close()
})

async function findFault(): Promise<object | undefined> {
  try {
    await auditRegistry(service, url, { index: INDEX, isSampled: () => false })
    return undefined
  } catch (error) {
    if (!(error instanceof AuditFault)) throw error
    return { code: FAULT_EXIT_CODES[error.kind], message: error.message, ...error.place }
  }
}

describe('an audit of indexed evidence', () => {
  it('finds nothing wrong with honest tables', async () => {
    expect(await findFault()).toBeUndefined()
  })

  it('names every hidden security version', async () => {
    const rows = tables.prepare('SELECT * FROM svn').all() as { leaf_index: number }[]
    // Of each quote: the module's, the platform's, and the numbers of PCE and quoting enclave.
    expect(rows).toHaveLength(12)
    const where = 'field_id = @field_id AND leaf_index = @leaf_index AND value = @value'
    for (const row of rows) {
      tables.prepare(`DELETE FROM svn WHERE ${where}`).run(row)
      const fault = await findFault()
      tables.prepare('INSERT INTO svn VALUES (@field_id, @leaf_index, @value)').run(row)
      expect(fault).toMatchObject({ code: 19, leafIndex: row.leaf_index })
    }
  })

  it('names an entry that is hidden from look-ups of a measured value alone', async () => {
    const rows = tables
      .prepare(
        `SELECT posting.* FROM posting JOIN term USING (term_id) JOIN field USING (field_id)
         WHERE field.name = 'measured' LIMIT 4`,
      )
      .all() as { leaf_index: number }[]
    expect(rows).toHaveLength(4)
    const where = 'term_id = @term_id AND role = @role AND leaf_index = @leaf_index'
    for (const row of rows) {
      tables.prepare(`DELETE FROM posting WHERE ${where}`).run(row)
      const fault = await findFault()
      tables.prepare('INSERT INTO posting VALUES (@term_id, @role, @leaf_index)').run(row)
      expect(fault).toMatchObject({ code: 19, leafIndex: row.leaf_index })
      expect((fault as { message: string }).message).toContain('measurement=')
    }
  })
})
