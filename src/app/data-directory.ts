/**
 * Where a registry keeps what: one directory, and the guard outside of it, because the guard must
 * not be restored together with a backup of the directory (design D7).
 */
import { join, resolve } from 'node:path'
import { isPostgresUrl, LocationError, sharedLocation, storeLocation } from './store-location.ts'

/** Paths of one registry; none of them is created by naming it. */
export interface DataPaths {
  readonly directory: string
  /** A file, or the URL of a PostgreSQL database. */
  readonly store: string
  readonly lock: string
  /** Tables that answer look-ups; can be deleted and made again. */
  readonly index: string
  readonly keys: string
  readonly receiptKey: string
  readonly checkpointKey: string
  readonly registrarKey: string
  readonly operatorKey: string
  /** There while the log is frozen. */
  readonly frozen: string
  /** How far the scrubber is. */
  readonly scrub: string
  /** Governance documents that wait for a signature made elsewhere. */
  readonly genesis: string
  /** A file, or the URL of a PostgreSQL database. */
  readonly guard: string
}

/**
 * The layout of `directory`; the guard is beside it unless another place is named, and the store in it
 * unless it is a database, which a data directory remembers.
 * @throws StartError `ERR_CONFIGURATION` for places that do not go together.
 */
export function dataPaths(directory: string, guard?: string, store?: string): DataPaths {
  const shared = sharedLocation(resolve(directory), { store, guard })
  return shared === undefined
    ? localPaths(directory, guard)
    : { ...localPaths(directory), ...shared }
}

/** Where a log is, as commands name it that need no guard. */
export interface LogPlace {
  /** Its data directory. */
  readonly data: string
  /** URL of its database; undefined: what the directory remembers, or a file in it. */
  readonly store?: string | undefined
}

/**
 * The layout for what needs no guard.
 * @throws StartError `ERR_CONFIGURATION` for a store that is no database.
 */
export function logPaths({ data, store }: LogPlace): Omit<DataPaths, 'guard'> {
  const { guard: _, ...local } = localPaths(data)
  const shared = storeLocation(local.directory, store)
  return shared === undefined ? local : { ...local, store: shared }
}

/**
 * The same for a log in files, whatever the directory remembers.
 * @throws StartError `ERR_CONFIGURATION` for a guard that is a database.
 */
export function localPaths(directory: string, guard?: string): DataPaths {
  if (guard !== undefined && isPostgresUrl(guard)) {
    const problem = 'is in PostgreSQL, and the log is in files here, whose guard is a file'
    throw new LocationError([{ option: 'guard', problem }])
  }
  const root = resolve(directory)
  const keys = join(root, 'keys')
  return {
    directory: root,
    store: join(root, 'log.sqlite'),
    lock: join(root, 'lock.sqlite'),
    index: join(root, 'index.sqlite'),
    keys,
    receiptKey: join(keys, 'receipt.pem'),
    checkpointKey: join(keys, 'checkpoint.pem'),
    registrarKey: join(keys, 'registrar.pem'),
    operatorKey: join(keys, 'operator.pem'),
    frozen: join(root, 'frozen.json'),
    scrub: join(root, 'scrub.json'),
    genesis: join(root, 'genesis'),
    guard: guard === undefined ? `${root}.guard` : resolve(guard),
  }
}
