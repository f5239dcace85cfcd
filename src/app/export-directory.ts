/**
 * The directory of an export, as files under the paths that the server has (design D10). Files are
 * replaced whole, so a web server may serve the directory meanwhile. A state file says how far a run
 * came; what it counts as done is not done again. Writing is synchronous: two small files an entry are
 * most of the work.
 */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open, readFile, readdir, rm, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { StartError } from '../errors.ts'
import { makeDirectory } from './make-directory.ts'

const STATE_FILE = '.export-state.json'
const METADATA_FILE = 'metadata.json'
const JOURNAL_FILE = 'journal.jsonl'

/** How far a run came. It goes on with the same head. */
export interface ExportState {
  readonly origin: string
  readonly treeSize: number
  readonly tilesOnly: boolean
  /** Bundles below this one are written, with everything that belongs to their entries. */
  readonly nextBundle: number
  /** Length of the journal index up to there. */
  readonly journalBytes: number
}

export class ExportDirectory {
  readonly path: string
  readonly #made = new Set<string>()

  private constructor(path: string) {
    this.path = path
  }

  /**
   * Opens the directory for an export of this log, or makes it.
   * @throws StartError `ERR_CONFIGURATION` when it holds something else.
   */
  static async open(
    path: string,
    origin: string,
  ): Promise<{ readonly directory: ExportDirectory; readonly state: ExportState | undefined }> {
    makeDirectory(path)
    const directory = new ExportDirectory(path)
    const state = (await directory.#readJson(STATE_FILE)) as ExportState | undefined
    const metadata = (await directory.#readJson(METADATA_FILE)) as { origin?: string } | undefined
    const found = state?.origin ?? metadata?.origin
    if (found === undefined && (await readdir(path)).length > 0) {
      throw misplaced(`${path} is not empty and holds no export: name a new directory`)
    }
    if (found !== undefined && found !== origin) {
      throw misplaced(`${path} holds an export of ${found}, not of ${origin}`)
    }
    return { directory, state }
  }

  /** Writes a resource that may be there in an older form. */
  write(path: string, bytes: Uint8Array): void {
    const target = join(this.path, path)
    const isNew = this.#makeParent(path)
    // Nobody knows a resource yet whose very directory is new.
    if (isNew) {
      writeFileSync(target, bytes)
      return
    }
    writeFileSync(`${target}.tmp`, bytes)
    renameSync(`${target}.tmp`, target)
  }

  /** Writes a resource that never changes, unless an earlier run did. */
  writeOnce(path: string, bytes: Uint8Array): void {
    const found = statSync(join(this.path, path), { throwIfNoEntry: false })
    if (found?.size !== bytes.length) this.write(path, bytes)
  }

  /** Removes a resource that the log does not have any more. */
  remove(path: string): void {
    rmSync(join(this.path, path), { force: true })
  }

  /** Opens the journal index, cut to what is done; each call adds lines and returns its length. */
  async openJournal(state: Pick<ExportState, 'journalBytes'>): Promise<JournalIndex> {
    const path = join(this.path, JOURNAL_FILE)
    const file = await open(path, 'a')
    await truncate(path, state.journalBytes)
    let length = state.journalBytes
    return {
      append: async (lines) => {
        const bytes = encodeUtf8(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
        if (bytes.length > 0) await file.appendFile(bytes)
        length += bytes.length
        return length
      },
      close: () => file.close(),
    }
  }

  saveState(state: ExportState): void {
    this.write(STATE_FILE, encodeJson(state))
  }

  /** The last thing that an export writes: with it the export is whole. */
  async finish(metadata: Readonly<Record<string, unknown>>): Promise<void> {
    this.write(METADATA_FILE, encodeJson(metadata))
    await rm(join(this.path, STATE_FILE), { force: true })
  }

  /** Whether the directory of a path was made just now. */
  #makeParent(path: string): boolean {
    const parent = join(this.path, dirname(path))
    if (this.#made.has(parent)) return false
    const isNew = makeDirectory(parent)
    // Directories of single entries are used for two files, and never again.
    if (!path.startsWith('entries/')) this.#made.add(parent)
    return isNew
  }

  async #readJson(name: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(join(this.path, name), 'utf8')) as unknown
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw misplaced(`${join(this.path, name)} cannot be read: ${(cause as Error).message}`)
    }
  }
}

/** One line an entry that is a registration journal. */
export interface JournalIndex {
  append(lines: readonly Readonly<Record<string, unknown>>[]): Promise<number>
  close(): Promise<void>
}

function encodeJson(value: unknown): Uint8Array {
  return encodeUtf8(`${JSON.stringify(value, null, 2)}\n`)
}

function misplaced(message: string): StartError {
  return new StartError('ERR_CONFIGURATION', message)
}
