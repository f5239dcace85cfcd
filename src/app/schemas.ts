/** The JSON Schemas that come with the package, for whoever serves or exports them. */
import { readFile, readdir } from 'node:fs/promises'

/** The same relative path from `src/app` and from `dist/app`. */
const FOLDER = new URL('../../schemas/', import.meta.url)

/** Bytes by file name. */
export async function readSchemas(): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.schema.json')).sort()
  const files = names.map(
    async (name) => [name, new Uint8Array(await readFile(new URL(name, FOLDER)))] as const,
  )
  return new Map(await Promise.all(files))
}
