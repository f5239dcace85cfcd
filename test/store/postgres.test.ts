/** The PostgreSQL store and guard keep the contracts, alone and as several nodes. */
import { PostgresGuard } from '../../src/store/postgres/postgres-guard.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { describeGuard } from '../contract/guard.ts'
import { describeLogStore } from '../contract/log-store.ts'
import { describeSharedGuard, describeSharedLogStore } from '../contract/shared.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'

describePostgres('PostgreSQL', () => {
  const server = usePostgres()

  describeLogStore('PostgreSQL', async () => {
    const url = await server().createSchema()
    const open = (mode: 'create' | 'existing'): Promise<PostgresLogStore> =>
      PostgresLogStore.open(url, { mode })
    let store = await open('create')
    const reopen = async (): Promise<PostgresLogStore> => {
      await store.close()
      return (store = await open('existing'))
    }
    return { store, reopen, dispose: () => store.close() }
  })

  describeSharedLogStore('PostgreSQL', async () => {
    const url = await server().createSchema()
    const one = await PostgresLogStore.open(url, { mode: 'create' })
    const two = await PostgresLogStore.open(url, { mode: 'existing' })
    const dispose = async (): Promise<void> => {
      await one.close()
      await two.close()
    }
    return { nodes: [one, two], dispose }
  })

  describeGuard('PostgreSQL', async () => {
    const url = await server().createSchema()
    let guard = await PostgresGuard.open(url)
    const reopen = async (): Promise<PostgresGuard> => {
      await guard.close()
      return (guard = await PostgresGuard.open(url))
    }
    return { guard, reopen, dispose: () => guard.close() }
  })

  describeSharedGuard('PostgreSQL', async () => {
    const url = await server().createSchema()
    const nodes: [PostgresGuard, PostgresGuard] = [
      await PostgresGuard.open(url),
      await PostgresGuard.open(url),
    ]
    const dispose = async (): Promise<void> => {
      for (const node of nodes) await node.close()
    }
    return { nodes, dispose }
  })
})
