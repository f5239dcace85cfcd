/** SQLite stores and guards in directories that are removed again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GuardUnderTest } from '../contract/guard.ts'
import type { StoreUnderTest } from '../contract/log-store.ts'
import { SqliteGuard } from '../../src/store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import type { SqliteStoreOptions } from '../../src/store/sqlite/sqlite-log-store.ts'

type StoreOptions = Omit<SqliteStoreOptions, 'mode'>

/** A data directory with its guard beside it. */
export class TestDirectory {
  readonly root: string = mkdtempSync(join(tmpdir(), 'attestry-test-'))
  readonly data: string = this.root
  readonly storePath: string = join(this.root, 'log.sqlite')
  readonly guardPath: string = join(this.root, 'data.guard')

  createStore(options: StoreOptions = {}): SqliteLogStore {
    return SqliteLogStore.open(this.storePath, { ...options, mode: 'create' })
  }

  openStore(options: StoreOptions = {}): SqliteLogStore {
    return SqliteLogStore.open(this.storePath, { ...options, mode: 'existing' })
  }

  openGuard(worker?: URL): SqliteGuard {
    return SqliteGuard.open(this.guardPath, { worker })
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** A store for its contract, in a directory of its own. */
export async function storeUnderTest(options: StoreOptions = {}): Promise<StoreUnderTest> {
  const directory = new TestDirectory()
  let store = directory.createStore(options)
  return {
    store,
    reopen: async () => {
      await store.close()
      store = directory.openStore(options)
      return store
    },
    dispose: async () => {
      await store.close()
      directory.remove()
    },
  }
}

/** The same for a guard. */
export async function guardUnderTest(worker?: URL): Promise<GuardUnderTest> {
  const directory = new TestDirectory()
  let guard = directory.openGuard(worker)
  return {
    guard,
    reopen: async () => {
      await guard.close()
      guard = directory.openGuard(worker)
      return guard
    },
    dispose: async () => {
      await guard.close()
      directory.remove()
    },
  }
}
