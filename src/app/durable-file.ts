/** Small files that are replaced whole and durably: after a crash the old one is there, or the new. */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes `bytes` beside `path` and puts them in its place. */
export async function replaceFile(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', mode)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncFolderOf(path)
}

/** Makes what happened to the names in a file's folder durable. */
export async function syncFolderOf(path: string): Promise<void> {
  // Windows cannot open folders.
  if (process.platform === 'win32') return
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
