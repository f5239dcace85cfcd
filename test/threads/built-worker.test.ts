/** A worker is beside the module that names it; a wrong name would only show in the build. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { builtWorker } from '../../src/threads/built-worker.ts'

const src = fileURLToPath(new URL('../../src', import.meta.url))

describe('the module of a worker', () => {
  it('is beside a module that is built, and nowhere for one that is not', () => {
    expect(builtWorker('a-worker', 'file:///dist/room/a.js')?.href).toBe(
      'file:///dist/room/a-worker.js',
    )
    expect(builtWorker('a-worker', 'file:///src/room/a.ts')).toBeUndefined()
  })

  it('has its source beside every module that names one', () => {
    const named = readdirSync(src, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const text = readFileSync(join(src, file), 'utf8')
        const names = [...text.matchAll(/builtWorker\('([^']+)'/g)].map(([, name]) => name!)
        return names.map((name) => join(src, dirname(file), `${name}.ts`))
      })
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((path) => !existsSync(path))).toEqual([])
  })
})
