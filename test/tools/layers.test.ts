/** Plants imports that the layers forbid in a small tree and sees each of them reported. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** Importing file, what it imports, and the rules that must report it. */
const planted: readonly [from: string, to: string, rules: readonly string[]][] = [
  ['src/app/start.ts', '../cli/main.ts', ['layer:app']],
  ['src/http/entries.ts', '../app/config.ts', ['layer:http']],
  ['src/http/pages.ts', '../web/page.ts', ['layer:http']],
  ['src/http/stores.ts', '../store/sqlite/sqlite-log-store.ts', ['blind:http']],
  ['src/http/keys.ts', '../keys/file-signer.ts', ['blind:http']],
  ['src/web/page.ts', '../registry/register.ts', ['blind:web']],
  ['src/monitor/follow.ts', '../log/log.ts', ['blind:monitor']],
  ['src/cli/log-check.ts', '../store/sqlite/sqlite-log-store.ts', ['blind:cli']],
  ['src/registry/register.ts', '../store/sqlite/sqlite-log-store.ts', ['blind:registry']],
  ['src/store/memory/memory-log-store.ts', '../sqlite/sqlite-log-store.ts', ['layer:store/*']],
  ['src/keys/file-signer.ts', '../store/sqlite/sqlite-log-store.ts', ['layer:store/*']],
  ['src/log/log.ts', '../registry/register.ts', ['layer:log']],
  ['src/log/genesis.ts', '../store/sqlite/sqlite-log-store.ts', ['layer:log']],
  ['src/verify/verify.ts', '../policy/decide.ts', ['layer:verify']],
  ['src/client/scrapi-client.ts', '../log/log.ts', ['layer:verify']],
  ['src/statement/signed-statement.ts', '../verify/verify.ts', ['layer:statement']],
  ['src/cose/sign1.ts', '../statement/signed-statement.ts', ['layer:cose']],
  ['src/x509/path.ts', '../cose/sign1.ts', ['layer:x509']],
  ['src/merkle/hasher.ts', '../cbor/decode.ts', ['layer:cbor']],
  ['src/bytes/hex.ts', '../merkle/hasher.ts', ['layer:bytes']],
  ['src/errors.ts', './bytes/hex.ts', ['layer:errors.ts']],
  ['src/bytes/file.ts', 'node:fs', ['portable-line']],
  ['src/cose/signer.ts', 'node:crypto', ['owner:node:crypto', 'portable-line']],
  ['src/policy/decide.ts', 'express', ['owner:express']],
  ['src/verify/cbor.ts', 'cbor-x', ['owner:cbor-x']],
  ['src/log/database.ts', 'better-sqlite3', ['owner:better-sqlite3']],
  ['src/cbor/hash.ts', '@noble/hashes/sha2.js', ['owner:@noble/hashes']],
  ['src/app/config.ts', 'left-pad', ['owner:none']],
  ['src/app/peer.ts', '../../test/peer.ts', ['source-only']],
  ['src/utils/helper.ts', '../errors.ts', ['room-unknown']],
  ['src/merkle/missing.ts', './nowhere.ts', ['unresolvable']],
]

/** Imports that the layers allow, so that the rules are seen to be about something. */
const allowed: readonly [from: string, to: string][] = [
  ['src/cli/main.ts', '../app/allowed.ts'],
  ['src/cli/main.ts', '../verify/allowed.ts'],
  ['src/app/allowed.ts', '../store/sqlite/sqlite-log-store.ts'],
  ['src/store/sqlite/sqlite-log-store.ts', './pragmas.ts'],
  ['src/store/sqlite/sqlite-log-store.ts', '../../log/store.ts'],
  ['src/store/sqlite/pragmas.ts', 'better-sqlite3'],
  ['src/cbor/decode.ts', 'cbor-x'],
  ['src/merkle/allowed.ts', '@noble/hashes/sha2.js'],
  ['src/verify/allowed.ts', '../statement/allowed.ts'],
  ['src/statement/allowed.ts', '../bytes/allowed.ts'],
  ['src/note/ring.ts', './round.ts'],
  ['src/note/round.ts', './ring.ts'],
]

const emptyFiles = ['src/bytes/allowed.ts', 'src/log/store.ts', 'test/peer.ts']
const packages = ['express', 'cbor-x', 'better-sqlite3', '@noble/hashes', 'left-pad']

interface Report {
  summary: { violations: { from: string; to: string; rule: { name: string } }[] }
}

function cruise(root: string): string[] {
  const cli = join(project, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const config = join(project, '.dependency-cruiser.mjs')
  const report = execFileSync(
    process.execPath,
    [cli, '--config', config, '--output-type', 'json', 'src'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  )
  return (JSON.parse(report) as Report).summary.violations.map(
    ({ from, rule }) => `${from} ${rule.name}`,
  )
}

describe('npm run layers', () => {
  let root: string
  let reported: string[]

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'attestry-layers-'))
    const imports = new Map<string, string[]>(emptyFiles.map((file) => [file, []]))
    for (const [from, to] of [...planted, ...allowed]) {
      imports.set(from, [...(imports.get(from) ?? []), to])
    }
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    for (const [file, targets] of imports) {
      // Type-only imports: they count as well.
      const lines = targets.map((target, at) => `import type * as n${at} from '${target}'`)
      write(file, `${lines.join('\n')}\nexport {}\n`)
    }
    for (const name of packages) {
      write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0' }))
      write(`node_modules/${name}/index.js`, '')
      write(`node_modules/${name}/sha2.js`, '')
    }
    write('package.json', JSON.stringify({ dependencies: {} }))
    write('tsconfig.json', JSON.stringify({ compilerOptions: { module: 'NodeNext' } }))
    reported = cruise(root)
  })

  afterAll(() => {
    rmSync(root, { recursive: true, force: true })
  })

  it.each(planted)('reports %s importing %s', (from, _to, rules) => {
    expect(
      reported.filter((line) => line.startsWith(`${from} `) && !line.endsWith(' circular')).sort(),
    ).toEqual(rules.map((rule) => `${from} ${rule}`))
  })

  it('reports a circle within one room', () => {
    expect(reported).toContain('src/note/ring.ts circular')
  })

  it('reports nothing else', () => {
    const expected = planted.flatMap(([from, , rules]) => rules.map((rule) => `${from} ${rule}`))
    // Some of the planted imports close circles through several rooms too.
    const others = reported.filter((line) => !line.endsWith(' circular'))
    expect(others.filter((line) => !expected.includes(line))).toEqual([])
  })
})
