/**
 * Files and pipes of the command line: `-` is standard input or standard output. Reads are bounded;
 * files are replaced whole, so that a reader never sees half an output.
 */
import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { InputError, StartError } from '../errors.ts'
import { CliError } from './cli-error.ts'

/** Statements, keys, trust files: everything that is parsed. */
export const INPUT_BYTES_MAX: number = 16 * 1024 * 1024
/** Payloads: signed whole or hashed, never parsed here. */
export const PAYLOAD_BYTES_MAX: number = 1024 * 1024 * 1024

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'exists already',
  ENOSPC: 'no space left on the device',
  EROFS: 'read-only file system',
}

const MKDIR_REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'exists and is not a directory',
  ENOENT: 'no directory can be made there',
}

/** Turns a file system error into a message that names the file. */
export function fileError(path: string, cause: unknown): CliError {
  const errno = (cause as NodeJS.ErrnoException).code ?? ''
  const code = errno === 'EEXIST' ? 'ERR_FILE_EXISTS' : 'ERR_FILE'
  const isMkdir = (cause as NodeJS.ErrnoException).syscall === 'mkdir'
  const reason = (isMkdir ? MKDIR_REASONS[errno] : undefined) ?? REASONS[errno]
  return new CliError(code, `${path}: ${reason ?? (errno || String(cause))}`, { cause })
}

/** An error of the file system that nobody put into words yet, named; any other as it is. */
export async function namingFile(error: unknown): Promise<unknown> {
  if (!(error instanceof Error)) return error
  const { errno, path, code = '' } = error as NodeJS.ErrnoException
  // SQLite does not say which file it was reading. Most commands never load it.
  if (code.startsWith('SQLITE_') && (await import('../app/stores.ts')).isDiskError(error)) {
    const what = `a file of the log, or its guard, cannot be read or written now (${error.message})`
    return new StartError(
      'ERR_DISK',
      `${what}: look at the disk and the permissions, and try again`,
      { cause: error },
    )
  }
  return errno !== undefined && path !== undefined ? fileError(path, error) : error
}

/** Parses what was read from `path`: what is wrong with it is told with the name of the file. */
export function parseFile<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new InputError(cause.code, `${nameOf(path)}: ${cause.message}`, { cause })
  }
}

/**
 * All bytes of a file, or of standard input when `path` is `-`.
 * @throws CliError `ERR_FILE` when it cannot be read or is larger than `bytesMax`.
 */
export async function readInput(
  path: string,
  bytesMax: number = INPUT_BYTES_MAX,
): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    const source = path === '-' ? process.stdin : (await open(path)).createReadStream()
    for await (const chunk of source as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > bytesMax) break
      chunks.push(chunk)
    }
  } catch (cause) {
    throw fileError(path, cause)
  }
  if (length > bytesMax) {
    throw new CliError('ERR_FILE', `${nameOf(path)}: larger than ${bytesMax} bytes`)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

/** How messages name an input or output. */
export function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path
}

/**
 * Writes a file whole (a temporary file beside it, then a rename), or standard output for `-`.
 * @throws CliError `ERR_FILE` when it cannot be written; `ERR_USAGE` for bytes on a terminal.
 */
export async function writeOutput(path: string, bytes: Uint8Array): Promise<void> {
  if (path === '-') {
    if (process.stdout.isTTY) {
      throw new CliError('ERR_USAGE', 'refusing to write binary data to a terminal', {
        hint: 'name a file with -o FILE, or pipe the output',
      })
    }
    process.stdout.write(bytes)
    return
  }
  try {
    const special = await stat(path).then(
      (found) => !found.isFile(),
      () => false,
    )
    if (special) {
      await writeFile(path, bytes) // a device or named pipe cannot be renamed over
      return
    }
    const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
    try {
      await writeFile(temporary, bytes, { flag: 'wx' })
      await rename(temporary, path)
    } catch (cause) {
      await rm(temporary, { force: true })
      throw cause
    }
  } catch (cause) {
    throw fileError(path, cause)
  }
}

/**
 * Writes a new file and refuses to touch an existing one.
 * @throws CliError `ERR_FILE_EXISTS` or `ERR_FILE`.
 */
export async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: 'wx' })
  } catch (cause) {
    throw fileError(path, cause)
  }
}

/** True when something exists at `path`. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
