/** PostgreSQL for a test file: its servers are started before its tests, and gone after them. */
import { afterAll, beforeAll, describe } from 'vitest'
import { postgresMissing, PostgresServer } from './postgres-server.ts'
import type { PostgresOptions } from './postgres-server.ts'

export type { PostgresServer } from './postgres-server.ts'

/** `describe` for tests that need servers; where there is none they are skipped out loud. */
export function describePostgres(name: string, tests: () => void): void {
  if (postgresMissing !== undefined) {
    console.warn(`skipped, no PostgreSQL: ${name} (${postgresMissing})`)
  }
  describe.skipIf(postgresMissing !== undefined)(name, tests)
}

/** One cluster for a test file: started before its tests, deleted after them. */
export function usePostgres(options: PostgresOptions = {}): () => PostgresServer {
  let server: PostgresServer | undefined
  beforeAll(async () => {
    server = await PostgresServer.create(options)
  })
  afterAll(() => server?.remove())
  return () => {
    if (server === undefined) throw new Error('the server is there in tests only')
    return server
  }
}
