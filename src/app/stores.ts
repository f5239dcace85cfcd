/**
 * Opens what a log is kept in, wherever that is: SQLite files of the data directory, or databases of
 * PostgreSQL, whose driver is loaded only then. The one place where it matters which of them it is.
 */
import type { Guard } from '../log/guard.ts'
import type {
  ApiTokenStore,
  FreezeStore,
  RefusalRecord,
  RefusalStore,
} from '../log/operator-tables.ts'
import type {
  ExportedPayloads,
  PayloadPruning,
  Preimages,
  StoredPayloads,
} from '../log/payload-store.ts'
import type { LogStore } from '../log/store.ts'
import type { Pkcs11Uri } from '../keys/pkcs11-uri.ts'
import type { WritePath } from '../log/write-path.ts'
import { StartError } from '../errors.ts'
import type { PostgresLogStore } from '../store/postgres/postgres-log-store.ts'
import { ProcessLock } from '../store/sqlite/process-lock.ts'
import { SqliteApiTokens } from '../store/sqlite/sqlite-api-tokens.ts'
import { SqliteGuard } from '../store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import { SqlitePayloadPruning } from '../store/sqlite/sqlite-payload-pruning.ts'
import { SqlitePayloadStore } from '../store/sqlite/sqlite-payload-store.ts'
import { SqlitePreimages } from '../store/sqlite/sqlite-preimages.ts'
import {
  readRefusals as readSqliteRefusals,
  SqliteRefusals,
} from '../store/sqlite/sqlite-refusals.ts'
import { SqliteStoredPayloads } from '../store/sqlite/stored-payloads.ts'
import type { DataPaths } from './data-directory.ts'
import { isPostgresUrl } from './store-location.ts'
import { threadWritePath, writePathOptions } from './thread-write-path.ts'
import type { ThreadPaths } from './thread-write-path.ts'

export { isDiskError } from '../store/sqlite/database.ts'

/** A file, or the URL of a database. */
type StorePath = Pick<DataPaths, 'store'>
type GuardPath = Pick<DataPaths, 'guard'>

/** Opens the log for reading, beside whoever writes. @throws StartError `ERR_LOG_MISSING`. */
export async function openStoreReader({ store }: StorePath): Promise<LogStore> {
  const options = { mode: 'existing', readonly: true } as const
  if (!isPostgresUrl(store)) return SqliteLogStore.open(store, options)
  return (await loadLogStore()).open(store, options)
}

/**
 * Opens the log for writing. The data directory is taken for this process alone, also where the log is
 * elsewhere: its index has one writer.
 * @throws StartError `ERR_LOG_MISSING`, `ERR_LOG_LOCKED` or `ERR_CONFIGURATION`.
 */
export async function openStoreWriter(
  { store, lock: path }: StorePath & Pick<DataPaths, 'lock'>,
  mode: 'existing' | 'create' = 'existing',
): Promise<LogStore> {
  if (!isPostgresUrl(store)) return SqliteLogStore.open(store, { mode })
  const lock = ProcessLock.acquire(path)
  try {
    return await (await loadLogStore()).open(store, { mode, onClosed: () => lock.release() })
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A store that may write on a thread of its own, all the way into the guard. */
export interface WritableStore {
  readonly store: LogStore
  readonly writePath?: WritePath
}

/**
 * Opens the log for a process that registers. Where store, guard and receipt key are files, what follows a
 * commit runs on the thread that commits. Throws as {@link openStoreWriter}.
 * @param token where the receipt key is; undefined: in its file. A session belongs to the thread that opened it.
 */
export async function openStoreToRegister(
  paths: StorePath & ThreadPaths & Pick<DataPaths, 'lock'>,
  token: Pkcs11Uri | undefined,
): Promise<WritableStore> {
  const areFiles = token === undefined && !isPostgresUrl(paths.store) && !isPostgresUrl(paths.guard)
  const options = areFiles ? writePathOptions(paths) : undefined
  if (options === undefined) return { store: await openStoreWriter(paths) }
  const store = SqliteLogStore.open(paths.store, { mode: 'existing', ...options })
  return { store, writePath: threadWritePath(store) }
}

export async function openGuard({ guard }: GuardPath): Promise<Guard> {
  if (!isPostgresUrl(guard)) return SqliteGuard.open(guard)
  const { PostgresGuard } = await import('../store/postgres/postgres-guard.ts')
  return PostgresGuard.open(guard)
}

/**
 * A guard that is lost and restored together with the store guards nothing.
 * @throws StartError `ERR_CONFIGURATION` when both are in one cluster of PostgreSQL.
 * @throws UnavailableError `ERR_STORE_UNREACHABLE` or `ERR_GUARD_UNREACHABLE`: which of them is away.
 */
export async function assertApart({ store, guard }: StorePath & GuardPath): Promise<void> {
  if (!isPostgresUrl(store) || !isPostgresUrl(guard)) return
  const { readClusterId } = await import('../store/postgres/cluster-id.ts')
  const ofStore = await readClusterId(store, 'ERR_STORE_UNREACHABLE')
  if (ofStore !== (await readClusterId(guard, 'ERR_GUARD_UNREACHABLE'))) return
  throw new StartError(
    'ERR_CONFIGURATION',
    'the store and the guard are in the same PostgreSQL cluster, so that a backup or a failover ' +
      'takes both back: put the guard into a cluster of its own',
  )
}

export async function openPayloads({ store }: StorePath): Promise<ExportedPayloads> {
  if (!isPostgresUrl(store)) return SqlitePayloadStore.open(store)
  const { PostgresPayloadStore } = await import('../store/postgres/postgres-payload-store.ts')
  return PostgresPayloadStore.open(store)
}

export async function openPayloadPruning({ store }: StorePath): Promise<PayloadPruning> {
  if (!isPostgresUrl(store)) return SqlitePayloadPruning.open(store)
  const { PostgresPayloadPruning } = await import('../store/postgres/postgres-payload-pruning.ts')
  return PostgresPayloadPruning.open(store)
}

/** For the scrubber. */
export async function openStoredPayloads({ store }: StorePath): Promise<StoredPayloads> {
  if (!isPostgresUrl(store)) return SqliteStoredPayloads.open(store)
  const { PostgresStoredPayloads } = await import('../store/postgres/stored-payloads.ts')
  return PostgresStoredPayloads.open(store)
}

export async function openPreimages({ store }: StorePath): Promise<Preimages> {
  if (!isPostgresUrl(store)) return SqlitePreimages.open(store)
  const { PostgresPreimages } = await import('../store/postgres/postgres-preimages.ts')
  return PostgresPreimages.open(store)
}

/** @param options `readonly` for a process that only asks. */
export async function openApiTokens(
  { store }: StorePath,
  options: { readonly readonly?: boolean } = {},
): Promise<ApiTokenStore> {
  if (!isPostgresUrl(store)) return SqliteApiTokens.open(store, options)
  const { PostgresApiTokens } = await import('../store/postgres/postgres-api-tokens.ts')
  return PostgresApiTokens.open(store)
}

export async function openRefusals({ store }: StorePath): Promise<RefusalStore> {
  if (!isPostgresUrl(store)) return SqliteRefusals.open(store)
  const { PostgresRefusals } = await import('../store/postgres/postgres-refusals.ts')
  return PostgresRefusals.open(store)
}

/** What freezes all nodes of a log; undefined where the log is in files, and has one. */
export async function openFreezes({ store }: StorePath): Promise<FreezeStore | undefined> {
  if (!isPostgresUrl(store)) return undefined
  const { PostgresFreezes } = await import('../store/postgres/postgres-freezes.ts')
  return PostgresFreezes.open(store)
}

/** The newest refusals, newest first. */
export async function readRefusals(
  { store }: StorePath,
  limit: number,
): Promise<readonly RefusalRecord[]> {
  if (!isPostgresUrl(store)) return readSqliteRefusals(store, limit)
  const { PostgresRefusals } = await import('../store/postgres/postgres-refusals.ts')
  const refusals = await PostgresRefusals.open(store)
  try {
    return await refusals.list(limit)
  } finally {
    await refusals.close()
  }
}

async function loadLogStore(): Promise<typeof PostgresLogStore> {
  return (await import('../store/postgres/postgres-log-store.ts')).PostgresLogStore
}
