/** Where the shared test vectors are. They are read in place and never copied into the project. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root: string =
  process.env['ATTESTRY_VECTORS'] ??
  fileURLToPath(new URL('../../../shared/vectors', import.meta.url))

/** True where the vectors are present; tests that need them say so when they skip. */
export const hasVectors: boolean = existsSync(join(root, 'README.md'))
if (!hasVectors) {
  console.warn(`SKIPPED: no test vectors at ${root}; set ATTESTRY_VECTORS to run these tests`)
}

export function vectorPath(path: string): string {
  return join(root, path)
}

export function readVector(path: string): Uint8Array {
  return new Uint8Array(readFileSync(vectorPath(path)))
}

export function readVectorJson<T>(path: string): T {
  return JSON.parse(readFileSync(vectorPath(path), 'utf8')) as T
}

/** Paths, relative to the vectors' root, of all files below `folder` that end in `suffix`. */
export function listVectors(folder: string, suffix: string): string[] {
  if (!hasVectors) return []
  return readdirSync(vectorPath(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(folder, name))
    .sort()
}
