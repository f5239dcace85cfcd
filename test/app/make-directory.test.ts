/** Making directories where none can be made: it ends, and says so. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { makeDirectory } from '../../src/app/make-directory.ts'

const folder = mkdtempSync(join(tmpdir(), 'attestry-directory-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('makeDirectory', () => {
  it('makes all of a path with its mode, and may do so again', () => {
    const path = join(folder, 'a', 'b')
    expect(makeDirectory(path, 0o700)).toBe(true)
    expect(makeDirectory(`${path}/`, 0o700)).toBe(false)
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it('refuses a file in its place, and one on the way', () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    expect(() => makeDirectory(file)).toThrow(/EEXIST/)
    expect(() => makeDirectory(join(file, 'x'))).toThrow(/ENOTDIR/)
  })

  // Node's own recursive mkdir goes round for ever there.
  it.skipIf(!existsSync('/proc/self'))('ends in a file system that has no place for it', () => {
    expect(() => makeDirectory('/proc/attestry/x')).toThrow(/ENOENT/)
  })
})
