/** Large files: their digests without holding them in memory, and their names once they are whole. */
import { open, rename } from 'node:fs/promises'
import { nativeDigest } from '../keys/native-hash.ts'
import { syncFolderOf } from './durable-file.ts'

/** What a file holds. */
export interface FileDigest {
  readonly bytes: number
  readonly sha256: Uint8Array
}

const PIECE_BYTES = 1024 * 1024

/** Reads a file to its end, and copies it to `target`, which must not exist, when there is one. */
export async function digestFile(path: string, target?: string): Promise<FileDigest> {
  const source = await open(path)
  const copy = target === undefined ? undefined : await open(target, 'wx', 0o600)
  try {
    const hashing = nativeDigest('SHA-256')
    const piece = new Uint8Array(PIECE_BYTES)
    let bytes = 0
    for (;;) {
      const { bytesRead } = await source.read(piece)
      if (bytesRead === 0) break
      const read = piece.subarray(0, bytesRead)
      hashing.update(read)
      await copy?.writeFile(read)
      bytes += bytesRead
    }
    return { bytes, sha256: hashing.finish() }
  } finally {
    await copy?.close()
    await source.close()
  }
}

/** Gives a file that is whole its name: durable when this has resolved. */
export async function publishFile(partial: string, path: string): Promise<void> {
  const file = await open(partial, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, path)
  await syncFolderOf(path)
}
