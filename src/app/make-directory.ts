/**
 * Directories. Not by Node's `mkdir` with `recursive`: where a file system answers that there is no such
 * place (`/proc`), it never ends.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it; one that is there stays as it is.
 * @returns whether it was made now.
 * @throws an error of the file system that names the path: `EEXIST` for a file in its place.
 */
export function makeDirectory(path: string, mode = 0o777): boolean {
  try {
    mkdirSync(path, { mode })
    return true
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(parent)) {
      makeDirectory(parent, mode)
      return makeDirectory(path, mode)
    }
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
    return false
  }
}
