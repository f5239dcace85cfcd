/** SQLite stores and guards in directories that are removed again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteGuard } from '../../src/store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import type { SqliteStoreOptions } from '../../src/store/sqlite/sqlite-log-store.ts'

/** A data directory with its guard beside it. */
export class TestDirectory {
  readonly root: string = mkdtempSync(join(tmpdir(), 'attestry-test-'))
  readonly data: string = this.root
  readonly storePath: string = join(this.root, 'log.sqlite')
  readonly guardPath: string = join(this.root, 'data.guard')

  createStore(options: Omit<SqliteStoreOptions, 'mode'> = {}): SqliteLogStore {
    return SqliteLogStore.open(this.storePath, { ...options, mode: 'create' })
  }

  openStore(options: Omit<SqliteStoreOptions, 'mode'> = {}): SqliteLogStore {
    return SqliteLogStore.open(this.storePath, { ...options, mode: 'existing' })
  }

  openGuard(worker?: URL): SqliteGuard {
    return SqliteGuard.open(this.guardPath, { worker })
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
