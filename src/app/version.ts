/** The version of this software, from its package.json. */
import { readFile } from 'node:fs/promises'

/** For example `0.1.0`. The same relative path from `src/app` and from `dist/app`. */
export async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
