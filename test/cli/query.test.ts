/** `attestry query` as a child process: tables, JSON, exit statuses, and a consumer that is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LIBRARY, summaryOf } from '../support/in-toto-samples.ts'
import { QueryRegistry } from '../support/query-registry.ts'
import { ISSUER } from '../support/test-registry.ts'
import { cliPath, hosted, temporaryFolder } from './attestry.ts'
import type { CliResult } from './attestry.ts'

const folder = temporaryFolder()
const cwd = folder.path
const LIBRARY_DIGEST = `sha256:${LIBRARY.digest['sha256']!}`
const isSlow = process.env['ATTESTRY_SLOW'] === '1'
let registry: QueryRegistry

const query = (...args: string[]): Promise<CliResult> =>
  hosted(['query', ...args, '--url', registry.url], { cwd })
const verified = ['--verify', '--trust', 'trust.json']

interface Row {
  readonly index: number
  readonly entryId: string
}
const rowsOf = ({ stdout }: CliResult): Row[] =>
  (JSON.parse(stdout) as { statements: Row[] }).statements

beforeAll(async () => {
  registry = await QueryRegistry.create()
  writeFileSync(join(cwd, 'trust.json'), registry.trustFile())
})
afterAll(async () => {
  await registry.close()
  folder.remove()
})

describe('attestry query statements', () => {
  it('shows a table that nothing in it can break, and says which tree it covers', async () => {
    const { stdout, status } = await query('statements', '--issuer', ISSUER, '--order', 'ascending')
    const lines = stdout.trimEnd().split('\n')
    expect(status).toBe(0)
    expect(lines[0]).toMatch(/^INDEX +REGISTERED +KIND +ISSUER +SUBJECT +ENTRY ID$/)
    expect(lines[1]).toMatch(
      /^ +2 +2026-.+Z +provenance +https:\/\/issuer.example +pkg:npm\/left@1/,
    )
    expect(lines[3]).toContain('about \\u{1b}]0;the library')
    expect(lines[5]).toBe('4 statements in a tree of 6')
    expect(stdout).not.toContain('\u001b')
  })

  it('combines filters, verifies rows, and gives programs everything', async () => {
    const digest = LIBRARY_DIGEST.toUpperCase()
    const found = await query(
      ...['statements', '--digest', digest, '--role', 'subject', '--json', ...verified],
      ...['--builder', 'https://ci.example/builder/1', '--attribute', `purl:${LIBRARY.name}`],
    )
    expect(JSON.parse(found.stdout)).toMatchObject({
      ...{ url: registry.url, treeSize: 6, more: false },
      statements: [
        { index: 2, kind: 'provenance', subject: LIBRARY.name, check: { status: 'verified' } },
      ],
    })
    expect(found.status).toBe(0)
  })

  it('asks for all values of a filter that is repeated, not for the last one', async () => {
    const builder = ['--builder', 'https://ci.example/builder/1']
    const both = ['statements', '--builder', 'https://ci.example/other', ...builder]
    expect(rowsOf(await query(...both, '--json'))).toEqual([])
    expect(rowsOf(await query('statements', ...builder, '--json'))).not.toEqual([])
  })

  it('says that there is more, and that there is nothing', async () => {
    expect((await query('statements', '--limit', '2')).stdout).toContain(
      '2 statements, and more (--limit) in a tree of 6',
    )
    const none = await query('statements', '--purl', 'pkg:npm/none@1', ...verified)
    expect([none.status, none.stdout]).toEqual([
      0,
      'no statements in a tree of 6\nchecked under the trust file: no rows\n',
    ])
  })

  it('has an exit status for a row that is wrong, and for half a pair of options', async () => {
    const { records } = await registry.index.findRecords([4 as never])
    await registry.index.replace([{ ...records[0]!, issuer: 'https://evil.example' }])
    const wrong = await query('statements', '--kind', 'vsa', ...verified)
    await registry.index.replace(records)
    expect(wrong.status).toBe(1)
    expect(wrong.stdout).toContain(`WRONG: its issuer is ${ISSUER}`)
    expect((await query('statements', '--verify')).status).toBe(4)
  })
})

describe('arguments that mean nothing', () => {
  const nobody = ['--url', 'http://127.0.0.1:9']
  const refused: [string, RegExp][] = [
    ['statements --digest sha256:ab', /sha256 digest: it has another length/],
    ['statements --digest 9f86', /a digest is its algorithm, a colon and its value/],
    ['statements --commit xyz', /gitCommit digest/],
    [
      `statements --commit ${'ab'.repeat(20)} --digest sha256:${'ab'.repeat(32)}`,
      /--commit is a digest/,
    ],
    ['statements --role subject', /--role needs digest or commit/],
    [`statements --digest sha256:${'ab'.repeat(32)} --role maker`, /--role is one of/],
    ['statements --kind incidents', /--kind is one of .*incident/],
    ['statements --kind build-dispatch', /--kind is one of/], // planned once, and read by nobody
    ['statements --debug maybe', /--debug is true or false/],
    ['statements --kind scai --kind vsa', /--kind is given 2 times/],
    ['statements --issuer=', /--issuer is empty/],
    ...['registered-from', 'registered-to', 'tcb-date-from', 'tcb-date-to', 'evidence-from', 'evidence-to'].map((name): [string, RegExp] => [`statements --${name} today`, new RegExp(`--${name} is a time like 2026`)]), // prettier-ignore
    ...['score-min', 'score-max'].map((name): [string, RegExp] => [`statements --${name} much`, new RegExp(`--${name} is a decimal number`)]), // prettier-ignore
    ...['index-from', 'index-below', 'tcb-evaluation-min', 'tcb-evaluation-max'].map((name): [string, RegExp] => [`statements --${name} 1.5`, new RegExp(`--${name} is a whole number`)]), // prettier-ignore
    ['statements --attribute purl', /--attribute is a name, a colon and a value/],
    ['statements --tcb-svn-below pcesvn:x', /--tcb-svn-below is a name, a colon and bytes in hex/],
    ['statements --order newest', /descending or ascending/],
    ['statements --limit 0', /whole number above 0/],
    ['artifact sha256:ab', /sha256 digest: it has another length/],
    ['artifact 9f86', /a digest is its algorithm/],
    ['builds --tee-type snp', /--tee-type is one of sgx, tdx, sev-snp/],
    ['builds --tcb-status late', /--tcb-status is one of UpToDate, .*NoLevel, NotEvaluated/],
    ['builds --debug maybe', /--debug is true or false/],
    ['builds --tcb-date-from today', /--tcb-date-from is a time like 2026/],
    ['builds --tcb-svn-below pcesvn', /--tcb-svn-below is a name/],
    ['show 05d395aa', /64 hex digits/],
    ['builds --tcb-date-to 5 --tcb-date-to 6', /--tcb-date-to is given 2 times/],
    ['feed --kind incidents', /--kind is one of .*incident/],
    ['feed --subject a --subject b', /--subject is given 2 times/],
    ['feed --subject=', /--subject is empty/],
    ['feed --after never', /expected an index/],
  ]
  it.each(refused)('are refused before anybody is asked: %s', async (args, why) => {
    const { status, stderr } = await hosted(['query', ...args.split(' '), ...nobody], { cwd })
    expect(stderr).toMatch(/^attestry: .+ \(ERR_USAGE\)$/m)
    expect(stderr).toMatch(why)
    expect(status).toBe(4)
  })
})

describe('attestry query artifact and show', () => {
  it('shows both directions, and other names', async () => {
    const { stdout, status } = await query('artifact', LIBRARY_DIGEST, ...verified)
    expect(status).toBe(0)
    expect(stdout).toContain(`also       sha512:${LIBRARY.digest['sha512']!}`)
    expect(stdout).toContain(`packages   ${LIBRARY.name}`)
    expect(stdout).toMatch(/provenance +dependency +1 came out/)
    expect(stdout).toMatch(/provenance +subject +1 went in/)
    expect(stdout).toContain('checked under the trust file: 3 verified')
    const unknown = await query('artifact', `sha256:${'0'.repeat(64)}`)
    expect(unknown.stdout).toContain('nothing is known')
  })

  it('shows one entry', async () => {
    const [row] = rowsOf(await query('statements', '--kind', 'vsa', '--json'))
    const { stdout } = await query('show', row!.entryId, ...verified)
    expect(stdout).toMatch(/^check +verified$/m)
    expect(stdout).toMatch(/^level +SLSA_BUILD_LEVEL_3$/m)
    expect(stdout).toContain(`subject  ${LIBRARY_DIGEST}`)
    expect(stdout).not.toContain('\u001b')
    const missing = await query('show', '0'.repeat(64))
    expect([missing.status, missing.stderr]).toEqual([
      1,
      expect.stringContaining('ERR_ENTRY_UNKNOWN'),
    ])
  })
})

describe('attestry query feed', () => {
  it('prints what there is, and goes on after the place in its state', async () => {
    const args = ['feed', '--state', 'feed.state', '--json', ...verified]
    const first = await query(...args, '--kind', 'provenance')
    const events = first.stdout.trim().split('\n')
    expect(events.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { index: 2, check: { status: 'verified' } },
      { index: 3, check: { status: 'verified' } },
    ])
    expect((await query(...args)).stdout).toBe('')
    expect((await query(...args, '--after', '1')).status).toBe(4)
    const other = ['query', ...args, '--url', 'http://127.0.0.1:9']
    expect((await hosted(other, { cwd })).stderr).toContain('another log')
  })

  it('keeps its place while nothing comes: killed then, it repeats nothing', async () => {
    const args = ['query', 'feed', '--url', registry.url, '--state', 'idle.state', '--json']
    const child = spawn(process.execPath, [cliPath, ...args, '--follow'], { cwd })
    const closed = once(child, 'close')
    try {
      await vi.waitFor(() => {
        expect(JSON.parse(readFileSync(join(cwd, 'idle.state'), 'utf8'))).toMatchObject({
          after: 5,
        })
      }, 30_000)
    } finally {
      child.kill('SIGKILL')
      await closed
    }
    expect((await hosted(args, { cwd })).stdout).toBe('')
  }, 60_000)

  it('killed again and again, sees every entry in order, once after dedupe', async () => {
    const kills = isSlow ? 20 : 3
    const args = ['query', 'feed', '--url', registry.url, '--state', 'killed.state', '--json']
    const printed: string[] = []
    for (let life = 0; life < kills; life++) {
      const child = spawn(process.execPath, [cliPath, ...args, '--follow'], { cwd })
      const closed = once(child, 'close')
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
      for (const part of ['a', 'b', 'c']) {
        await registry.register(summaryOf([LIBRARY], 'FAILED'), `${life}${part}`)
      }
      await vi.waitFor(() => expect(output).toContain(`"${life}c"`), 30_000)
      child.kill('SIGKILL')
      await closed
      printed.push(...output.split('\n').slice(0, -1))
    }
    const { stdout } = await hosted(args, { cwd })
    printed.push(...stdout.split('\n').slice(0, -1))
    const seen = printed.map((line) => (JSON.parse(line) as Row).index)
    const deduped: number[] = []
    for (const index of seen) if (index > (deduped.at(-1) ?? -1)) deduped.push(index)
    expect(deduped).toEqual(Array.from({ length: 6 + 3 * kills }, (_, index) => index))
    expect(JSON.parse(readFileSync(join(cwd, 'killed.state'), 'utf8'))).toEqual({
      ...{ version: 1, url: registry.url, after: 5 + 3 * kills },
    })
  }, 200_000)
})
