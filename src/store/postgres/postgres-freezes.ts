/**
 * Whether a log of several nodes is frozen, in the row that every commit compares: a commit that waits
 * for the row while it is frozen stores nothing, on whichever node it began.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { StartError } from '../../errors.ts'
import type { FreezeStore, Frozen } from '../../log/operator-tables.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'
import { migrate } from './migrate.ts'

const READ: Statement = {
  name: 'read_frozen',
  text: 'SELECT frozen_at, frozen_reason FROM log WHERE id = 1',
}
const FREEZE: Statement = {
  name: 'freeze_log',
  text: `UPDATE log SET frozen_at = $1, frozen_reason = $2 WHERE id = 1 AND frozen_at IS NULL
    RETURNING true AS frozen`,
}
const UNFREEZE: Statement = {
  name: 'unfreeze_log',
  text: `UPDATE log SET frozen_at = NULL, frozen_reason = NULL
    WHERE id = 1 AND frozen_at IS NOT NULL RETURNING true AS unfrozen`,
}

interface Row {
  readonly frozen_at: UnixSeconds | null
  readonly frozen_reason: string | null
}

export class PostgresFreezes implements FreezeStore {
  readonly #database: PostgresDatabase

  private constructor(database: PostgresDatabase) {
    this.#database = database
  }

  /**
   * Opens it in the database of a log.
   * @throws StartError `ERR_LOG_MISSING`; `ERR_CONFIGURATION` when it is of another version.
   */
  static async open(url: string): Promise<PostgresFreezes> {
    const database = await PostgresDatabase.open(url, { connectionsMax: 1 })
    try {
      if (await migrate(database, 'none')) return new PostgresFreezes(database)
      throw logMissing(database)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** @throws StartError `ERR_LOG_MISSING` where there are tables and no log: none was made, or moved in. */
  async read(): Promise<Frozen | undefined> {
    const [row] = await this.#database.query<Row>(READ)
    if (row === undefined) throw logMissing(this.#database)
    const { frozen_at: frozenAt, frozen_reason: reason } = row
    return frozenAt === null ? undefined : { frozenAt, reason: reason ?? '' }
  }

  async freeze({ frozenAt, reason }: Frozen): Promise<Frozen | undefined> {
    for (;;) {
      const frozen = await this.#database.write(FREEZE, [frozenAt, reason])
      if (frozen.length === 1) return undefined
      const before = await this.read()
      // It may have been unfrozen in between.
      if (before !== undefined) return before
    }
  }

  async unfreeze(): Promise<boolean> {
    if ((await this.#database.write(UNFREEZE, [])).length === 1) return true
    await this.read()
    return false
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

function logMissing({ name }: PostgresDatabase): StartError {
  return new StartError('ERR_LOG_MISSING', `there is no log in the database ${name}`)
}
