/**
 * The frozen state of a log: a file in its data directory, so that it outlives restarts and one look
 * tells it. While it is there, reads go on and nothing new is registered. With several nodes each of
 * them has its own directory and its own file.
 */
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { StartError } from '../errors.ts'
import { systemClock } from './config.ts'
import { dataPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import { replaceFile, syncFolderOf } from './durable-file.ts'

/** Since when a log is frozen, and why: for operators. */
export interface Frozen {
  readonly frozenAt?: UnixSeconds
  readonly reason: string
}

/** What the file says; undefined when the log is not frozen. A file that cannot be read freezes, too. */
export function readFrozen({ frozen }: DataPaths): Frozen | undefined {
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
 * Freezes a log. A process that serves it notices within a second.
 * @returns what was there before, unchanged, when it was frozen already.
 * @throws StartError `ERR_LOG_MISSING`.
 */
export async function freezeLog(data: string, reason: string): Promise<Frozen | undefined> {
  const paths = dataPaths(data)
  assertThere(paths)
  const before = readFrozen(paths)
  if (before !== undefined) return before
  const state = { frozenAt: systemClock.now(), reason }
  await replaceFile(paths.frozen, encodeUtf8(`${JSON.stringify(state, undefined, 2)}\n`))
  return undefined
}

/**
 * Lets a log take registrations again. False when it was not frozen.
 * @throws StartError `ERR_LOG_MISSING`.
 */
export async function unfreezeLog(data: string): Promise<boolean> {
  const paths = dataPaths(data)
  assertThere(paths)
  if (!existsSync(paths.frozen)) return false
  await rm(paths.frozen)
  await syncFolderOf(paths.frozen)
  return true
}

function assertThere({ keys, directory }: DataPaths): void {
  if (existsSync(keys)) return
  throw new StartError('ERR_LOG_MISSING', `${directory} is no data directory of a log`)
}
