/**
 * The index of TEE evidence under audit (exit status 19): what is found by a security version, by a
 * measured value without its name, or by a number has tables of its own, and each hidden row is named.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TDX_QUOTE_MEDIA_TYPE } from '../../src/payload/tee/tdx-quote.ts'
import { makeDcap } from '../support/intel-pki.ts'
import { listPostings } from '../support/index-postings.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { createIndexedRegistry, findIndexFault, writeJournal } from './indexed-fixture.ts'
import type { IndexedRegistry } from './indexed-fixture.ts'

const path = join(temporaryDirectory(), 'index.sqlite')
let indexed: IndexedRegistry

beforeAll(async () => {
  indexed = await createIndexedRegistry(path, async (service) => {
    // Quotes without collateral: the policy of the genesis would have them verified.
    await service.registry.register(await service.policyStatement({}))
    for (const [at, teeTcbSvn] of ['060103', '050103', '060103'].entries()) {
      const { quote } = makeDcap({ tee: 'tdx', domain: { teeTcbSvn } })
      await service.registry.register(
        await service.statement(at, { payload: quote, contentType: TDX_QUOTE_MEDIA_TYPE }),
      )
    }
    await writeJournal(service)
  })
})
afterAll(() => indexed.close())

/** The fault of an audit while a row is hidden. */
function faultWithout(table: string, row: Record<string, unknown>): Promise<unknown> {
  return indexed.without(table, row, () => findIndexFault(indexed))
}

describe('an audit of indexed evidence', () => {
  it('finds nothing wrong with honest tables', async () => {
    expect(await findIndexFault(indexed)).toBeUndefined()
  })

  it('names every hidden security version', async () => {
    const rows = indexed.tables.prepare('SELECT * FROM svn').all() as { leaf_index: number }[]
    // Of each quote: the module's, the platform's, and the numbers of PCE and quoting enclave.
    expect(rows).toHaveLength(12)
    for (const row of rows) {
      const expected = { code: 19, leafIndex: row.leaf_index }
      expect(await faultWithout('svn', row)).toMatchObject(expected)
    }
  })

  it('names an entry that is hidden from look-ups of a measured value alone', async () => {
    const postings = listPostings(indexed.tables).filter(({ fact }) => fact.field === 'measured')
    expect(postings.length).toBeGreaterThan(4)
    for (const posting of postings.slice(0, 4)) {
      const message = expect.stringContaining('measurement') as string
      const expected = { code: 19, leafIndex: posting.leafIndex, message }
      const fault = await indexed.withoutPosting(posting, () => findIndexFault(indexed))
      expect(fault).toMatchObject(expected)
    }
  })
})
