/**
 * Files in which a command keeps its place between runs: replaced whole and durable before the next
 * step, because a place that is lost is looked for again, and one that is half written is lost.
 */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { exists, fileError, readInput } from './files.ts'

/** The bytes of a state file; `undefined` where there is none yet. @throws CliError `ERR_FILE`. */
export async function readStateFile(path: string): Promise<Uint8Array | undefined> {
  return (await exists(path)) ? readInput(path) : undefined
}

/** Replaces a state file. @throws CliError `ERR_FILE`. */
export async function writeStateFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    const directory = await open(dirname(path))
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (cause) {
    throw fileError(path, cause)
  }
}
