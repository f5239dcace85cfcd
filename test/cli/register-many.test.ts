/** Several files in one command: batches, results for each, and what is written. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultExitCode } from '../../src/cli/command.ts'
import { registerMany } from '../../src/cli/register-many.ts'
import { commandLine, startServer, temporaryFolder } from './attestry.ts'
import type { RunningServer } from './attestry.ts'

let folder: ReturnType<typeof temporaryFolder>
let server: RunningServer
const { run, ok } = commandLine(() => folder.path)
const at = (name: string): string => join(folder.path, name)

async function signAll(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, nth) => `statement-${nth}.cose`)
  for (const [nth, name] of names.entries()) {
    writeFileSync(at('payload.txt'), `content ${nth}`)
    await ok('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', 'i:x', '--subject', 's', '--type', 't/t', '-o', name) // prettier-ignore
  }
  return names
}

beforeAll(async () => {
  folder = temporaryFolder()
  await ok('keygen', '--out', 'issuer.pem')
  await ok('init', '--data', 'log', '--origin', 'log.example.org', '--trust', 'issuer.pub.cbor')
  server = await startServer(['serve', '--data', 'log', '--port', '0'], { cwd: folder.path })
})
afterAll(async () => {
  await server.stop()
  folder.remove()
})

interface Results {
  readonly registered: number
  readonly failed: number
  readonly results: readonly { readonly file: string; readonly error?: { readonly code: string } }[]
}

describe('attestry register FILE…', () => {
  it('registers all, writes what verifies offline, and names what was refused', async () => {
    const names = await signAll(4)
    const bytes = readFileSync(at(names[3]!))
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(at('bad.cose'), bytes)
    const outcome = await run('register', names[0]!, 'bad.cose', names[1]!, names[2]!, '--url', server.url, '-o', 'out') // prettier-ignore
    expect(outcome.status).toBe(1)
    expect(outcome.stdout).toContain('3 of 4 registered')
    expect(outcome.stdout).toMatch(/bad\.cose: .*\(ERR_POLICY_REJECTED\)/)
    expect(readdirSync(at('out')).sort()).toEqual(
      [0, 1, 2].map((nth) => `statement-${nth}.transparent.cose`),
    )
    await ok('trust', 'fetch', '--url', server.url, '-o', 'trust.json')
    await ok('trust', 'add', 'trust.json', '--issuer', 'issuer.pub.cbor=i:*')
    for (const name of readdirSync(at('out'))) {
      await ok('verify', `out/${name}`, '--trust', 'trust.json')
    }
    const again = await run('register', ...names, '--url', server.url, '--trust', 'trust.json', '--json') // prettier-ignore
    expect(again.status).toBe(0)
    const { registered, failed, results } = JSON.parse(again.stdout) as Results
    expect({ registered, failed }).toEqual({ registered: 4, failed: 0 })
    expect(results.map(({ file }) => file)).toEqual(names)
  })

  // test/cli/wrong-files.test.ts has the same for a single file.
  it('sends nothing when one of them is no statement, and fails as for a single file', async () => {
    writeFileSync(at('text.cose'), 'text')
    const files = [at('statement-0.cose'), at('text.cose')]
    const error: unknown = await registerMany(files, { url: 'http://127.0.0.1:1' }).catch(
      (thrown: unknown) => thrown,
    )
    const message = expect.stringContaining('text.cose: ') as string
    expect(error).toMatchObject({ code: 'ERR_CBOR_MALFORMED', message })
    expect(defaultExitCode(error)).toBe(1)
  })

  it.each([
    ['the content of one statement', ['--payload', 'payload.txt'], '--payload'],
    ['one output for all', ['-o', '-'], 'several files'],
  ])('does not take %s', async (_, more, said) => {
    const refused = await run('register', 'statement-0.cose', 'statement-1.cose', '--url', server.url, ...more) // prettier-ignore
    expect(refused.status).toBe(4)
    expect(refused.stderr).toContain(said)
  })

  it('does not write two files under one name', async () => {
    const refused = await run('register', 'statement-0.cose', './statement-0.cose', '--url', server.url, '-o', 'out') // prettier-ignore
    expect(refused.stderr).toContain('under the same name')
  })
})
