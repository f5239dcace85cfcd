/** The JSON Schemas that come with the package, for whoever serves or exports them. */
import { readFile, readdir } from 'node:fs/promises'
import { basename } from 'node:path'

/** The same relative path from `src/app` and from `dist/app`. */
const FOLDER = new URL('../../schemas/', import.meta.url)

/** Bytes by file name; those of predicates, which lie in a folder of their own, among them. */
export async function readSchemas(): Promise<ReadonlyMap<string, Uint8Array>> {
  const paths = (await readdir(FOLDER, { recursive: true }))
    .filter((path) => path.endsWith('.schema.json'))
    .sort()
  const files = paths.map(async (path) => {
    const bytes = await readFile(new URL(path, FOLDER))
    return [basename(path), new Uint8Array(bytes)] as const
  })
  return new Map(await Promise.all(files))
}
