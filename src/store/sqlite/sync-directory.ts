/** Durable directory entries: a new file survives a power cut only if its directory is synced too. */
import { closeSync, fsyncSync, openSync } from 'node:fs'

export function syncDirectory(path: string): void {
  // Windows cannot open directories; NTFS journals its metadata.
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
