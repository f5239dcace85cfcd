/** Threads for tests: a worker of ours as one built file, and modules that misbehave as asked. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

const project = fileURLToPath(new URL('../..', import.meta.url))

export interface BuiltWorker {
  /** Once the tests run. */
  readonly url: URL
  /** A module of this text, which has `parentPort`. */
  module(name: string, text: string): URL
}

/** Builds a worker of `src/` before the tests of this block, and removes it after them. */
export function useBuiltWorker(source: string): BuiltWorker {
  let folder = ''
  const fileOf = (name: string): string => join(folder, `${name}.mjs`)
  beforeAll(() => {
    // Where its packages are found.
    folder = mkdtempSync(join(project, 'node_modules', '.worker-'))
    // One file, in place of what a build writes.
    execFileSync(join(project, 'node_modules/.bin/esbuild'), [
      join(project, 'src', source),
      ...['--bundle', '--platform=node', '--format=esm', '--packages=external'],
      `--outfile=${fileOf('built')}`,
      '--log-level=error',
    ])
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return {
    get url() {
      return pathToFileURL(fileOf('built'))
    },
    module: (name, text) => {
      writeFileSync(fileOf(name), `import { parentPort } from 'node:worker_threads'\n${text}`)
      return pathToFileURL(fileOf(name))
    },
  }
}
