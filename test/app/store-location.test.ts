/** Where store and guard are: what is named comes first, then what the directory remembers. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { dataPaths, logPaths } from '../../src/app/data-directory.ts'
import { recordLocation } from '../../src/app/store-location.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const root = temporaryDirectory()
const [store, guard] = ['postgres://u:p@one/log', 'postgresql://u@two/guard']

describe('the location of a log', () => {
  it('is the data directory when nothing else is said', () => {
    const data = join(root, 'files')
    expect(dataPaths(data)).toMatchObject({
      store: join(data, 'log.sqlite'),
      guard: `${data}.guard`,
    })
    expect(dataPaths(data, join(root, 'g'))).toMatchObject({ guard: join(root, 'g') })
  })

  it('is what is named, and is remembered', async () => {
    const paths = dataPaths(root, guard, store)
    expect(paths).toMatchObject({ store, guard, index: join(root, 'index.sqlite') })
    await recordLocation(paths)
    expect(dataPaths(root)).toEqual(paths)
    const moved = 'postgres://u:p@three/log'
    expect(dataPaths(root, undefined, moved)).toMatchObject({ store: moved, guard })
    await recordLocation(dataPaths(root, undefined, moved))
    expect(dataPaths(root)).toMatchObject({ store: moved, guard })
  })

  it('needs no guard where none is used', () => {
    const data = join(root, 'bare')
    expect(logPaths({ data, store })).toMatchObject({ store, keys: join(data, 'keys') })
    expect(logPaths({ data })).toMatchObject({ store: join(data, 'log.sqlite') })
    expect(logPaths({ data: root })).toMatchObject({ store: 'postgres://u:p@three/log' })
    expect(() => logPaths({ data, store: './log.sqlite' })).toThrow('PostgreSQL')
  })

  it.each([
    'postgres://one',
    'postgres:///log?host=/var/run/postgresql',
    'postgres://u@/log',
    'postgres://u:p w@one/log',
    'postgres://u:%zz@one/log',
    'postgres://u:p%20w@%2Fvar%2Frun/log',
    'postgres://u:p@[::1]:5432/log',
  ])('takes %s, as the driver does', (url) => {
    expect(dataPaths(join(root, 'urls'), guard, url)).toMatchObject({ store: url, guard })
    expect(new Client(url)).toBeDefined()
  })

  it.each(['postgres://u:p@one:port/log', 'postgres://u:p@[one/log', 'postgres://u:%ff@one/log'])(
    'refuses %s, as the driver does',
    (url) => {
      const place = { data: join(root, 'urls'), store: url }
      expect(() => logPaths(place)).toThrow(
        expect.objectContaining({
          code: 'ERR_CONFIGURATION',
          message: expect.not.stringContaining('@') as string,
        }),
      )
      expect(() => new Client(url)).toThrow()
    },
  )

  it('does not remember files', async () => {
    const data = join(root, 'nothing')
    await recordLocation(dataPaths(data))
    expect(() => readFileSync(join(data, 'location.json'))).toThrow('ENOENT')
  })

  it.each([
    ['a store without a guard', undefined, store],
    ['a store with a guard in a file', './guard', store],
    ['a guard without a store', guard, undefined],
    ['a store that is a file', guard, './log.sqlite'],
    ['a store whose URL cannot be read', guard, 'postgres://u:p@one:port/log'],
    ['a guard whose URL cannot be read', 'postgres://u:p@[two/guard', store],
  ])('refuses %s', (_, guardName, storeName) => {
    expect(() => dataPaths(join(root, 'other'), guardName, storeName)).toThrow('PostgreSQL')
  })

  it.each(['', '{', '[]', '{"store": "postgres://one"}', '{"store": 1, "guard": 2}'])(
    'refuses a file that holds %j',
    (text) => {
      const data = join(root)
      writeFileSync(join(data, 'location.json'), text)
      expect(() => dataPaths(data)).toThrow('does not say where the log is')
    },
  )
})
