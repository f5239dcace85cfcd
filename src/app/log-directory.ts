/**
 * A log as files: the paths of its static face below one directory, as `attestry log export` and
 * `attestry mirror` write them and any static web server serves them. Files are replaced whole.
 */
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InputError, UnavailableError } from '../errors.ts'
import type { MirrorTarget } from '../monitor/copy-block.ts'
import { makeDirectory } from './make-directory.ts'
import { localPaths } from './data-directory.ts'

/** Paths of the static face: no empty segments, none that begins with a dot beside this one. */
const PATH = /^(?:\.well-known\/)?[A-Za-z0-9][A-Za-z0-9._:-]*(?:\/[A-Za-z0-9][A-Za-z0-9._:-]*)*$/

/** Only the tree is synced: receipts can be made again from it. */
const SYNCED = /^(?:checkpoint$|tile\/|heads\/bundle\/|collateral\/)/

export class LogDirectory implements MirrorTarget {
  readonly name: string
  readonly #madeDirectories = new Set<string>()
  #unsynced = new Set<string>()

  constructor(directory: string) {
    this.name = directory
  }

  async read(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const file = this.#fileOf(path)
    try {
      const found = await stat(file)
      if (!found.isFile()) return undefined
      if (found.size > bytesMax) {
        throw new InputError('ERR_RESPONSE', `${file} is larger than ${bytesMax} bytes`)
      }
      return new Uint8Array(await readFile(file))
    } catch (cause) {
      if (cause instanceof InputError) throw cause
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      throw new UnavailableError('ERR_NETWORK', `${file} cannot be read: ${code ?? 'unknown'}`, {
        cause,
      })
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const file = this.#fileOf(path)
    const directory = dirname(file)
    if (!this.#madeDirectories.has(directory)) {
      makeDirectory(directory)
      if (this.#madeDirectories.size > 10_000) this.#madeDirectories.clear()
      this.#madeDirectories.add(directory)
    }
    const temporary = `${file}.tmp`
    await writeFile(temporary, bytes)
    await rename(temporary, file)
    if (SYNCED.test(path)) this.#unsynced.add(file)
  }

  async removePartials(path: string): Promise<void> {
    const directory = `${this.#fileOf(path)}.p`
    await rm(directory, { recursive: true, force: true })
    for (const file of this.#unsynced) {
      if (file.startsWith(`${directory}/`)) this.#unsynced.delete(file)
    }
  }

  async sync(): Promise<void> {
    const files = [...this.#unsynced]
    this.#unsynced = new Set()
    const directories = new Set(files.map((file) => dirname(file)))
    for (const file of [...files, ...directories]) {
      const handle = await open(file)
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  }

  #fileOf(path: string): string {
    if (!PATH.test(path)) throw new InputError('ERR_REQUEST', `no path of a log: ${path}`)
    return join(this.name, path)
  }
}

/** True when there is such a directory. */
export async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** True for where a registry keeps its log, which is nothing to read it from. */
export async function isDataDirectory(path: string): Promise<boolean> {
  return stat(localPaths(path).registrarKey).then(
    () => true,
    () => false,
  )
}
