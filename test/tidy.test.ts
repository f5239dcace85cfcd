/** The house style, as far as a machine can check it: names, sizes, left-overs, and single lists. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { drawLayers, owners, portableRooms, rows } from '../tools/layers.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const self = 'test/tidy.test.ts'
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return (
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => relative(root, join(file.parentPath, file.name)))
      .filter((path) => !path.startsWith('test/vectors/') && !path.includes('node_modules/'))
      // Made by tools/compile-schemas.mjs, and not kept in the repository.
      .filter((path) => !path.includes('.generated.'))
  )
}

const isCode = (path: string): boolean => /\.(ts|mjs|js|sql)$/.test(path)
const source = filesBelow('src').filter(isCode)
const code = ['src', 'test', 'tools', 'bench', 'migrations'].flatMap(filesBelow).filter(isCode)
const prose = [...filesBelow('docs'), ...readdirSync(root)].filter((path) =>
  /\.(md|yaml|yml)$/.test(path),
)
const lines = (path: string): number => read(path).trimEnd().split('\n').length

/** Lines of `files` that match, as `file:line: text`. */
function find(files: readonly string[], pattern: RegExp): string[] {
  return files
    .filter((path) => path !== self)
    .flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((text, at) => (pattern.test(text) ? [`${path}:${at + 1}: ${text.trim()}`] : [])),
    )
}

describe('names', () => {
  it('folders are nouns of the specifications', () => {
    const banned = /(^|\/)(utils?|helpers?|common|services?|managers?|misc|shared|lib|core)\//
    expect(code.filter((path) => banned.test(path))).toEqual([])
  })

  it('every folder of src is a room of tools/layers.mjs', () => {
    const rooms = rows.flatMap((row) => row.rooms.map((room) => room.replace('/*', '')))
    expect(readdirSync(join(root, 'src')).filter((name) => !rooms.includes(name))).toEqual([])
  })

  it('files are in kebab-case, and index.ts is only in verify/', () => {
    const kebab = /^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/
    expect(source.filter((path) => path.endsWith('.ts') && !kebab.test(path))).toEqual([])
    const barrels = source.filter((path) => path.endsWith('/index.ts'))
    expect(barrels.filter((path) => path !== 'src/verify/index.ts')).toEqual([])
  })

  it('exports are named after things, not after patterns', () => {
    expect(find(source, /^export interface I[A-Z][a-z]/)).toEqual([])
    const suffix = /^export .*\b(class|interface|type|function) \w+(Manager|Impl|Helper|Utils?)\b/
    expect(find(source, suffix)).toEqual([])
  })
})

describe('sizes', () => {
  it('no file is longer than 400 lines', () => {
    const long = source
      .map((path) => ({ path, lines: lines(path) }))
      .filter((file) => file.lines > 200)
    if (long.length > 0) {
      const listed = long.map((file) => `${file.path} ${file.lines}`).join(', ')
      console.info(`over the 200 lines that we aim for: ${listed}`)
    }
    expect(code.filter((path) => lines(path) > 400)).toEqual([])
  })

  it('every source file opens with a paragraph that says what it is', () => {
    const opening = /^(#!.*\n)?\/\*\*/
    const without = source.filter((path) => path.endsWith('.ts') && !opening.test(read(path)))
    expect(without).toEqual([])
  })
})

describe('left-overs', () => {
  it('no notes to self', () => {
    expect(find([...code, ...prose], /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([])
  })

  it('no paths of one machine', () => {
    expect(find([...code, ...prose], /(?<![\w.~-])\/(work|home|root|Users)\//)).toEqual([])
    expect(find(source, /['"`]\/tmp\//)).toEqual([])
  })

  it('no focused tests', () => {
    const tests = filesBelow('test').filter(isCode)
    expect(find(tests, /\b(describe|it|test)\.only\b/)).toEqual([])
  })
})

interface Manifest {
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  devDependencies: Record<string, string>
  peerDependencies: Record<string, string>
}

describe('packages', () => {
  const manifest = JSON.parse(read('package.json')) as Manifest

  it('every dependency has its owner, and every owner something to own', () => {
    const owned = Object.keys(owners).filter((name) => !name.startsWith('node:'))
    const { dependencies, optionalDependencies, peerDependencies } = manifest
    const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
    expect(owned.sort()).toEqual(names.sort())
  })

  it('optional packages, whose imports no tool follows, are named by their owner alone', () => {
    for (const name of Object.keys(manifest.optionalDependencies)) {
      const own = (owners[name] ?? []).map((room) => `src/${room}/`)
      const others = source.filter((path) => !own.some((room) => path.startsWith(room)))
      expect(find(others, new RegExp(`['"]${name}['"]`))).toEqual([])
    }
  })

  it('versions are exact', () => {
    const { dependencies, optionalDependencies, devDependencies } = manifest
    const versions = { ...dependencies, ...optionalDependencies, ...devDependencies }
    const loose = Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+/.test(version))
    expect(loose).toEqual([])
  })

  it('the lock file names no download addresses', () => {
    expect(find(['package-lock.json'], /"resolved":/)).toEqual([])
  })
})

describe('one list of rows', () => {
  it('tsconfig.portable.json compiles exactly the rooms below the portable line', () => {
    const text = read('tsconfig.portable.json').replaceAll(/^\s*\/\/.*$/gm, '')
    const { include } = JSON.parse(text) as { include: string[] }
    expect(include).toEqual(portableRooms.map((room) => `src/${room}`))
  })

  it.skipIf(!existsSync(join(root, 'ARCHITECTURE.md')))('ARCHITECTURE.md draws them', () => {
    const drawn = read('ARCHITECTURE.md').replaceAll(/^ {4}/gm, '')
    expect(drawn, 'paste what `node tools/layers.mjs` prints').toContain(drawLayers())
  })
})
