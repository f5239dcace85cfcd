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

/** A port that is opened again in its place, with its directory. */
async function reopenable<Port extends { close(): Promise<void> }>(
  first: (directory: TestDirectory) => Port,
  again = first,
): Promise<{ port: Port; reopen: () => Promise<Port>; dispose: () => Promise<void> }> {
  const directory = new TestDirectory()
  let port = first(directory)
  return {
    port,
    reopen: async () => {
      await port.close()
      port = again(directory)
      return port
    },
    dispose: async () => {
      await port.close()
      directory.remove()
    },
  }
}

/** A store for its contract, in a directory of its own. */
export async function storeUnderTest(options: StoreOptions = {}): Promise<StoreUnderTest> {
  const { port: store, ...rest } = await reopenable(
    (directory) => directory.createStore(options),
    (directory) => directory.openStore(options),
  )
  return { store, ...rest }
}

/** The same for a guard. */
export async function guardUnderTest(worker?: URL): Promise<GuardUnderTest> {
  const { port: guard, ...rest } = await reopenable((directory) => directory.openGuard(worker))
  return { guard, ...rest }
}
