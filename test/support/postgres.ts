/** PostgreSQL for a test file: its servers are started before its tests, and gone after them. */
import { afterAll, beforeAll, describe } from 'vitest'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { Scribe } from '../contract/log-store.ts'
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

/** A new log at `url`, closed with the others, and a scribe to go on with. */
export async function newPostgresLog(
  url: string,
  releases: (() => unknown)[],
): Promise<{ readonly store: PostgresLogStore; readonly scribe: Scribe }> {
  const store = await PostgresLogStore.open(url, { mode: 'create' })
  releases.push(() => store.close())
  const scribe = new Scribe(store)
  await store.create(scribe.genesis())
  return { store, scribe }
}
