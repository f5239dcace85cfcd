/** A directory for one test file, removed when its tests are done. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** Makes a directory; call it at the top of a test file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'attestry-'))
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}
