/** Files that a URL names are read for each connection: while they are away, who asks is told, and nothing ends. */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PostgresDatabase } from '../../src/store/postgres/database.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const ONE = { name: 'one', text: 'SELECT 1' }
const REFUSED = { name: 'refused', text: 'SELECT 1 / 0' }

describePostgres('a certificate that is away while a pool makes a connection', () => {
  const server = usePostgres()
  const directory = temporaryDirectory()

  it('fails who asks, and nobody once it is back', async () => {
    const [certificate, away] = [join(directory, 'root.pem'), join(directory, 'away.pem')]
    writeFileSync(certificate, 'a certificate')
    // The driver reads the file all the same, and the test needs no server with TLS.
    const tls = `sslmode=disable&sslrootcert=${encodeURIComponent(certificate)}`
    const url = `${server().urlOf('postgres')}&${tls}`
    const database = await PostgresDatabase.open(url, { connectionsMax: 1 })
    const ends: unknown[] = []
    const hear = (error: unknown): void => void ends.push(error)
    process.on('uncaughtException', hear)
    try {
      // The first one has the only connection, and ends it; the others wait for a new one.
      const asked = [REFUSED, ONE, ONE].map((statement) => database.query(statement))
      const [refused, ...waited] = asked.map((rows) => rows.catch((error: unknown) => error))
      renameSync(certificate, away)
      expect(await refused).toMatchObject({ code: 'ERR_INVARIANT' })
      const failures = await Promise.all(waited)
      expect(ends).toEqual([])
      failures.push(await database.query(ONE).catch((error: unknown) => error))
      const message = expect.stringContaining('ENOENT') as unknown
      for (const failure of failures) {
        expect(failure).toMatchObject({ code: 'ERR_STORE_UNREACHABLE', message })
      }
      renameSync(away, certificate)
      expect(await database.query(ONE)).toHaveLength(1)
    } finally {
      process.off('uncaughtException', hear)
      await database.close()
    }
  })
})
