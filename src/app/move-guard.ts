/**
 * The guard of a log that moves (`migrate-log.ts`): what it holds must be the end of what is moved, and
 * it is handed over by comparison. The old one is put away before the new one is made, so that there never
 * are two: an old copy of the data directory, a restored backup say, finds none to sign with.
 */
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { StartError } from '../errors.ts'
import type { LogStore } from '../log/store.ts'
import { PostgresGuard } from '../store/postgres/postgres-guard.ts'
import { SqliteGuard } from '../store/sqlite/sqlite-guard.ts'
import type { DataPaths } from './data-directory.ts'
import { syncFolderOf } from './durable-file.ts'
import { storeLocation } from './store-location.ts'

/**
 * The head that the guard holds, which has to be the newest one of the source.
 * @throws StartError `ERR_GUARD_…` when it is not.
 */
export async function readFinishedHead(
  source: LogStore,
  paths: DataPaths,
): Promise<SignedTreeHead> {
  const { treeHead, registrationTime } = await source.readState()
  const head = await readFileGuard(paths.guard)
  if (head === undefined) {
    const why = `there is no guard at ${paths.guard}: name the right one (--guard). A log is moved with its guard`
    throw new StartError('ERR_GUARD_MISSING', why)
  }
  const [held, stored] = [head.treeHead.treeSize, treeHead.treeSize]
  if (held > stored) {
    const why = `the guard holds a head of size ${held}, the data directory ends at ${stored}: this is an older copy of the log`
    throw new StartError('ERR_GUARD_AHEAD', why)
  }
  if (held < stored) {
    const why = `the last batch, up to size ${stored}, is not signed yet: start the registry once, which finishes it, and stop it`
    throw new StartError('ERR_GUARD_BEHIND', why)
  }
  const isSame =
    equalBytes(head.treeHead.rootHash, treeHead.rootHash) && head.registrationTime === registrationTime // prettier-ignore
  if (isSame) return head
  const why = `the guard holds another history at size ${held} than the data directory`
  throw new StartError('ERR_GUARD_FORK', why)
}

async function readFileGuard(path: string): Promise<SignedTreeHead | undefined> {
  const guard = SqliteGuard.open(path)
  try {
    return await guard.read()
  } finally {
    await guard.close()
  }
}

interface GuardMove {
  readonly toGuard: string
  /** The new store, without its password. */
  readonly movedTo: string
  readonly target: LogStore
}

/** A name can be undone, and a restored backup of before the move is at the very head that it holds. */
async function markPutAway(path: string, movedTo: string): Promise<void> {
  const guard = SqliteGuard.open(path)
  try {
    guard.markMoved(movedTo)
  } finally {
    await guard.close()
  }
}

/**
 * Puts the old guard away, and makes the new one from it. Killed in between, the log has no guard in
 * either place and nobody signs; the next run finds what was put away.
 */
export async function handOverGuard(
  paths: DataPaths,
  { toGuard, movedTo, target }: GuardMove,
): Promise<void> {
  const putAway = `${paths.guard}.moved`
  const held = await readFileGuard(paths.guard)
  const guard = await PostgresGuard.open(toGuard)
  try {
    const found = await guard.read()
    if (found !== undefined && held !== undefined) await checkHandedOver(found, held, target)
    if (existsSync(paths.guard)) {
      await markPutAway(paths.guard, movedTo)
      await rename(paths.guard, putAway)
      await syncFolderOf(putAway)
    }
    if (found !== undefined) return
    const head = held ?? (await readPutAway(paths, putAway, target))
    if (head === undefined) throw guardLost(paths)
    await guard.create(head)
  } finally {
    await guard.close()
  }
}

/**
 * What an earlier run put away before it was killed. Not once the move was finished, or the log went on in
 * the new place: it has its guard then, and must not be given a second one.
 */
async function readPutAway(
  { directory }: DataPaths,
  putAway: string,
  target: LogStore,
): Promise<SignedTreeHead | undefined> {
  if (storeLocation(directory, undefined) !== undefined) return undefined
  const head = await readFileGuard(putAway)
  const { treeHead } = await target.readState()
  const isNewest = head !== undefined && equalBytes(head.treeHead.rootHash, treeHead.rootHash)
  return isNewest ? head : undefined
}

/** An earlier run made it, and the log may have gone on since. */
async function checkHandedOver(
  found: SignedTreeHead,
  held: SignedTreeHead,
  target: LogStore,
): Promise<void> {
  if (equalBytes(found.bytes, held.bytes)) return
  const isLater = found.treeHead.treeSize > held.treeHead.treeSize
  const stored = await target.findBatchHead(found.treeHead.treeSize)
  if (isLater && stored !== undefined && equalBytes(stored.treeHead.rootHash, found.treeHead.rootHash)) return // prettier-ignore
  throw new StartError(
    'ERR_GUARD_FORK',
    `the new guard holds a head of size ${found.treeHead.treeSize} with the root ` +
      `${encodeHex(found.treeHead.rootHash)}, which is not this log's: name an empty database for it`,
  )
}

function guardLost({ guard }: DataPaths): StartError {
  const why = `there is no guard at ${guard}, and none in the new place: name the right one (--guard)`
  return new StartError('ERR_GUARD_MISSING', why)
}
