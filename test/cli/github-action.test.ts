/** The composite action: its inputs reach the script, and the script does what it says, run by bash here. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { hasVectors, vectorPath } from '../support/vectors.ts'
import { attestry, cliPath, startServer, temporaryFolder } from './attestry.ts'
import type { RunningServer } from './attestry.ts'

const folderOfAction = fileURLToPath(new URL('../../actions/register', import.meta.url))
const script = join(folderOfAction, 'register.sh')

interface Action {
  readonly inputs: Record<string, { readonly required?: boolean; readonly default?: string }>
  readonly outputs: Record<string, { readonly value: string }>
  readonly runs: {
    readonly using: string
    readonly steps: readonly {
      readonly id?: string
      readonly run: string
      readonly env?: Record<string, string>
    }[]
  }
}

const action = parse(readFileSync(join(folderOfAction, 'action.yml'), 'utf8')) as Action

describe('actions/register', () => {
  const step = action.runs.steps.find(({ id }) => id === 'register')!

  it('hands every input over as environment, and puts none into a script', () => {
    expect(action.runs.using).toBe('composite')
    const handed = Object.values(step.env!).map((value) => /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(value)?.[1]) // prettier-ignore
    expect(handed.sort()).toEqual(Object.keys(action.inputs).sort())
    for (const { run } of action.runs.steps) expect(run).not.toContain('${{')
    const source = readFileSync(script, 'utf8')
    for (const name of Object.keys(step.env!)) expect(source).toContain(name)
  })

  describe('its script', () => {
    let folder: ReturnType<typeof temporaryFolder>
    let server: RunningServer
    const at = (name: string): string => join(folder.path, name)
    beforeAll(async () => {
      folder = temporaryFolder()
      const run = (...args: string[]) => attestry(args, { cwd: folder.path })
      await run('keygen', '--out', 'issuer.pem')
      await run(
        'init',
        '--data',
        'log',
        '--origin',
        'log.example.org',
        '--trust',
        'issuer.pub.cbor',
      )
      server = await startServer(['serve', '--data', 'log', '--port', '0'], { cwd: folder.path })
      writeFileSync(at('note.txt'), 'hello')
    })
    afterAll(async () => {
      await server.stop()
      folder.remove()
    })

    async function runAction(inputs: Record<string, string>) {
      const all = {
        url: server.url,
        key: readFileSync(at('issuer.pem'), 'utf8'),
        issuer: 'https://me.example',
        ...inputs,
      }
      const values = Object.keys(action.inputs).map((name) => [
        name,
        (all as Record<string, string>)[name] ?? action.inputs[name]!.default ?? '',
      ])
      const given = Object.fromEntries(values) as Record<string, string>
      const env = Object.fromEntries(
        Object.entries(step.env!).map(([name, value]) => [
          name,
          given[/inputs\.([\w-]+)/.exec(value)![1]!]!,
        ]),
      )
      const output = at('output.txt')
      writeFileSync(output, '')
      const child = spawn('bash', [script], {
        cwd: folder.path,
        env: { PATH: process.env['PATH'], ...env, GITHUB_OUTPUT: output, ATTESTRY_CLI: cliPath },
        timeout: 50_000,
      })
      let stderr = ''
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
      const status = await new Promise((resolve) => child.on('close', resolve))
      return { status, stderr, output: readFileSync(output, 'utf8') }
    }

    it('signs and registers a file', async () => {
      const inputs = { payload: 'note.txt', type: 'text/plain', subject: 'pkg:generic/note@1' }
      const { status, stderr, output } = await runAction(inputs)
      expect(status, stderr).toBe(0)
      const [, id] = /entry-ids<<ATTESTRY_END\n([0-9a-f]{64})\nATTESTRY_END\n/.exec(output)!
      const report = JSON.parse(/^report=(.*)$/m.exec(output)![1]!) as { entryId: string }
      expect(report.entryId).toBe(id)
      expect(readdirSync(at('attestry-statements'))).toEqual([`${id!}.cose`])
    })

    it.skipIf(!hasVectors)('verifies and registers bundles', async () => {
      const { status, stderr, output } = await runAction({
        bundle: vectorPath('sigstore/sigstore-js-2.1.0-bundle.json'),
        root: vectorPath('sigstore/trusted_root.json'),
        output: 'out',
      })
      expect(status, stderr).toBe(0)
      expect(output).toContain('pkg:npm/sigstore@2.1.0')
      expect(existsSync(at('out'))).toBe(true)
    })

    it('says what is missing', async () => {
      expect((await runAction({})).stderr).toContain('give bundle or payload')
      expect((await runAction({ payload: 'note.txt' })).stderr).toContain('payload needs type')
      const audience = { payload: 'note.txt', type: 'text/plain', subject: 's', audience: 'log' }
      expect((await runAction(audience)).stderr).toContain('id-token: write')
    })
  })
})
