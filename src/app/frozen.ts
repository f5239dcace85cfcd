/**
 * The frozen state of a log: a file in its data directory, or for several nodes a column of their
 * database, so that it outlives restarts and one look tells it. While it is there, reads go on and nothing
 * new is registered. A node with a file of its own is frozen by that, too.
 */
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { StartError } from '../errors.ts'
import type { FreezeStore, Frozen as RecordedFrozen } from '../log/operator-tables.ts'
import { isFileThere } from '../store/sqlite/file-there.ts'
import { systemClock } from './config.ts'
import { logPaths } from './data-directory.ts'
import type { DataPaths, LogPlace } from './data-directory.ts'
import { replaceFile, syncFolderOf } from './durable-file.ts'
import { openFreezes } from './stores.ts'

/** Since when a log is frozen, and why: for operators. A file that nobody of us wrote has no time. */
export type Frozen = Pick<RecordedFrozen, 'reason'> & Partial<RecordedFrozen>

/** What the file says; undefined when the log is not frozen. A file that cannot be read freezes, too. */
export function readFrozen({ frozen }: Pick<DataPaths, 'frozen'>): Frozen | undefined {
  let text: string
  try {
    text = readFileSync(frozen, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    return { reason: `${frozen} cannot be read (${code ?? message})` }
  }
  return parseFrozen(text) ?? { reason: `${frozen} is not what \`attestry freeze\` writes` }
}

function parseFrozen(text: string): Frozen | undefined {
  try {
    const { frozenAt, reason } = JSON.parse(text) as Record<string, unknown>
    if (typeof frozenAt !== 'number' || typeof reason !== 'string') return undefined
    return { frozenAt, reason }
  } catch {
    return undefined
  }
}

/**
 * Freezes a log, on all of its nodes. Processes that serve it notice within a second; where there may be
 * several, nothing is stored from now on.
 * @returns what was there before, unchanged, when it was frozen already.
 * @throws StartError `ERR_LOG_MISSING`.
 */
export async function freezeLog(place: LogPlace, reason: string): Promise<Frozen | undefined> {
  const paths = logPaths(place)
  assertThere(paths)
  const state = { frozenAt: systemClock.now(), reason }
  const shared = await withFreezes(paths, async (freezes) => ({
    before: await freezes.freeze(state),
  }))
  if (shared !== undefined) return shared.before
  const before = readFrozen(paths)
  if (before !== undefined) return before
  await replaceFile(paths.frozen, encodeUtf8(`${JSON.stringify(state, undefined, 2)}\n`))
  return undefined
}

/**
 * Lets a log take registrations again. False when it was not frozen.
 * @throws StartError `ERR_LOG_MISSING`.
 */
export async function unfreezeLog(place: LogPlace): Promise<boolean> {
  const paths = logPaths(place)
  assertThere(paths)
  const wasShared = await withFreezes(paths, (freezes) => freezes.unfreeze())
  const hadFile = await dropFrozen(paths)
  return hadFile || wasShared === true
}

/** Removes the file, durably. False when there is none. */
export async function dropFrozen({ frozen }: Pick<DataPaths, 'frozen'>): Promise<boolean> {
  if (!existsSync(frozen)) return false
  await rm(frozen)
  await syncFolderOf(frozen)
  return true
}

/** Undefined for a log in files. */
async function withFreezes<Value>(
  paths: Pick<DataPaths, 'store'>,
  use: (freezes: FreezeStore) => Promise<Value>,
): Promise<Value | undefined> {
  const freezes = await openFreezes(paths)
  try {
    return freezes === undefined ? undefined : await use(freezes)
  } finally {
    await freezes?.close()
  }
}

/** A log that moves to a database stays frozen there. */
export async function moveFrozen(paths: Pick<DataPaths, 'frozen'>, store: string): Promise<void> {
  const frozen = readFrozen(paths)
  if (frozen === undefined) return
  const { reason, frozenAt = systemClock.now() } = frozen
  await withFreezes({ store }, (freezes) => freezes.freeze({ frozenAt, reason }))
}

function assertThere({ keys, directory }: Pick<DataPaths, 'keys' | 'directory'>): void {
  if (isFileThere(keys)) return
  throw new StartError('ERR_LOG_MISSING', `${directory} is no data directory of a log`)
}
