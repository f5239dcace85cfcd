/**
 * The consumer's tarball, installed in an empty folder without a network, verifies a stored
 * Transparent Statement. Where the system can take the network away from a process (`unshare`) it
 * does; elsewhere npm is offline with an empty cache.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { owners } from '../../tools/layers.mjs'
import { buildVerifyPackage } from '../../tools/verify-package.mjs'

const vectors = fileURLToPath(new URL('../vectors/verify-package/', import.meta.url))
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

const sealed = [
  ['unshare', '--net'],
  ['unshare', '--map-root-user', '--net'],
].find(([command, ...args]) => spawnSync(command!, [...args, 'true']).status === 0)
if (!sealed) console.warn('no unshare here: the network stays on, npm is told to be offline')

const consumer = `
import { readFileSync } from 'node:fs'
import { parseTrustPolicy, verifyTransparentStatement } from 'attestry-verify'

const bytes = new Uint8Array(readFileSync(process.argv[2] ?? ''))
const trust = parseTrustPolicy(new Uint8Array(readFileSync('trust.json')))
const outcome = await verifyTransparentStatement({ transparentStatement: bytes, trust, at: 1_780_000_001 })
console.log(outcome.kind, outcome.kind === 'verified' ? outcome.statement.issuer : '')
`

// Two compilations and an install: slow where the machine is busy.
describe('the verify package', { timeout: 300_000 }, () => {
  let folder: string

  const run = (command: string, ...args: string[]): string => {
    const [first, ...rest] = [...(sealed ?? []), command, ...args]
    const env = {
      ...process.env,
      npm_config_offline: 'true',
      npm_config_cache: join(folder, '.cache'),
    }
    return execFileSync(first!, rest, { cwd: folder, env, encoding: 'utf8' })
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'attestry-consumer-'))
    // Otherwise npm takes a package.json further up for the project.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    const tarball = await buildVerifyPackage(join(folder, 'tarball'))
    run('npm', 'install', '--no-audit', '--no-fund', tarball)
    cpSync(vectors, folder, { recursive: true })
    writeFileSync(join(folder, 'consumer.mts'), consumer)
    writeFileSync(join(folder, 'consumer.mjs'), consumer)
  }, 300_000)

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it('verifies a stored Transparent Statement', () => {
    const printed = run('node', 'consumer.mjs', 'statement.transparent.cose')
    expect(printed.trim()).toBe('verified https://issuer.example')
  })

  it('does not verify it with one bit changed', () => {
    const bytes = readFileSync(join(folder, 'statement.transparent.cose'))
    bytes[bytes.length - 1]! ^= 1 // the last byte of the issuer's signature
    writeFileSync(join(folder, 'changed.cose'), bytes)
    expect(run('node', 'consumer.mjs', 'changed.cose').trim()).toBe('not-verified')
  })

  it('has an example in its README that runs', () => {
    const readme = readFileSync(join(folder, 'node_modules/attestry-verify/README.md'), 'utf8')
    const example = readme.split('\n').filter((line) => line.startsWith('    '))
    writeFileSync(join(folder, 'example.mjs'), `${example.join('\n')}\nconsole.log(outcome.kind)\n`)
    cpSync(join(folder, 'statement.transparent.cose'), join(folder, 'sbom.transparent.cose'))
    expect(run('node', 'example.mjs').trim()).toBe('verified')
  })

  it('brings only packages of portable rooms: no server, no native addon', () => {
    const installed = join(folder, 'node_modules/attestry-verify')
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    for (const name of Object.keys(manifest.dependencies)) expect(owners).toHaveProperty(name)
    for (const name of ['express', 'better-sqlite3', 'commander', 'cbor-extract']) {
      expect(existsSync(join(installed, 'node_modules', name)), name).toBe(false)
    }
    expect(existsSync(join(installed, 'log'))).toBe(false)
    expect(run('npm', 'ls', '--all', '--parseable')).not.toContain('cbor-extract')
  })

  it('has declarations that a strict consumer can compile against', () => {
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--noEmit']
    const types = fileURLToPath(new URL('../../node_modules/@types', import.meta.url))
    const args = [...options, '--typeRoots', types, '--types', 'node', 'consumer.mts']
    expect(run('node', tsc, ...args)).toBe('')
  })
})
