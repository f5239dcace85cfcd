import { writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hosted, startServer, temporaryFolder } from './attestry.ts'
import { spdx } from '../payload/provenance/samples.ts'
import type { CliResult, RunningServer } from './attestry.ts'

const folder = temporaryFolder()
const run = (...args: string[]): Promise<CliResult> => hosted(args, { cwd: folder.path })
const json = (result: CliResult): Record<string, unknown> =>
  JSON.parse(result.stdout) as Record<string, unknown>
const file = (name: string, value: unknown): string => {
  writeFileSync(join(folder.path, name), JSON.stringify(value))
  return name
}
const ISSUER = 'https://ci.example.org'

let server: RunningServer
let policy: Record<string, unknown>

beforeAll(async () => {
  await run('keygen', '--out', 'issuer.pem')
  await run('init', '--data', 'data', '--origin', 'log.example/1', '--trust', 'issuer.pub.cbor')
  server = await startServer(['serve', '--data', 'data', '--port', '0'], { cwd: folder.path })
  for (const [name, type, content] of [
    ['sbom', 'application/spdx+json', JSON.stringify(spdx)],
    ['note', 'text/plain', 'note'],
  ] as const) {
    writeFileSync(join(folder.path, name), content)
    const signed = await run('sign', name, '--key', 'issuer.pem', '--issuer', ISSUER, '--subject', 'pkg:npm/demo', '--type', type, '-o', `${name}.cose`) // prettier-ignore
    expect(signed.stderr).toBe('')
    expect((await run('register', `${name}.cose`, '--url', server.url)).status).toBe(0)
  }
  const shown = json(await run('policy', 'show', '--data', 'data', '--json'))
  policy = shown['policy'] as Record<string, unknown>
  file('anchors.json', shown['trustAnchors'])
}, 60_000)

afterAll(async () => {
  await server.stop()
  folder.remove()
})

describe('attestry policy', () => {
  it('show: the policy in force of a log, and a file', async () => {
    const shown = await run('policy', 'show', '--data', 'data')
    expect(shown.stdout).toMatch(/^log +log\.example\/1\npolicy +entry 0, registered /)
    file('same.json', policy)
    expect(json(await run('policy', 'show', 'same.json', '--json'))).toEqual(policy)
    expect((await run('policy', 'show')).status).toBe(4)
  })

  it('diff: member by member, against the log or another file', async () => {
    file('same.json', policy)
    expect((await run('policy', 'diff', 'same.json', '--data', 'data')).stdout).toBe(
      'no difference\n',
    )
    file('new.json', { ...policy, contentTypes: ['text/*'], maxRegistrationLagSeconds: 60 })
    const { stdout } = await run('policy', 'diff', 'new.json', '--data', 'data')
    expect(stdout).toBe('contentTypes\n  - *\n  + text/*\nmaxRegistrationLagSeconds\n  + 60\n')
    const between = await run('policy', 'diff', 'new.json', 'same.json', '--json')
    expect(json(between)['changes']).toHaveLength(2)
  })

  it('test: against the last entries, and against files', async () => {
    file('new.json', { ...policy, contentTypes: ['text/*'] })
    const entries = await run('policy', 'test', 'new.json', '--data', 'data', '--last', '10')
    expect(entries.status).toBe(1)
    expect(entries.stdout).toMatch(
      /^2 tried: 1 accepted, 1 refused\ncontent-type: 1\n {2}entry 2: content-type: /,
    )
    const last = await run('policy', 'test', 'new.json', '--data', 'data', '--last', '1')
    expect(last.stdout).toBe('1 tried: 1 accepted, 0 refused\n')
    const files = await run('policy', 'test', 'new.json', '--anchors', 'anchors.json', 'note.cose', 'sbom.cose', '--json') // prettier-ignore
    expect(json(files)).toMatchObject({ tried: 2, accepted: 1, refused: [{ name: 'sbom.cose', rule: 'content-type' }] }) // prettier-ignore
    expect((await run('policy', 'test', 'new.json')).status).toBe(4)
    expect((await run('policy', 'test', 'new.json', 'note.cose')).status).toBe(4)
  })

  it('test: decides about entries with what they were admitted with, and by', async () => {
    await run('init', '--data', 'lent', '--origin', 'log.example/2', '--trust', 'issuer.pub.cbor', '--token', 'ci') // prettier-ignore
    await run('keygen', '--out', 'farm.pem')
    await run('trust', 'add', 'farm.json', '--issuer', 'farm.pub.cbor')
    const made = json(await run('token', 'add', '--data', 'lent', '--name', 'farm', '--json'))
    writeFileSync(join(folder.path, 'token'), made['token'] as string)
    const lent = await startServer(['serve', '--data', 'lent', '--port', '0'], { cwd: folder.path })
    const register = async (name: string, key: string, type: string): Promise<string> => {
      await run('sign', name, '--key', key, '--issuer', ISSUER, '--subject', 'pkg:npm/demo', '--type', type, '-o', `${name}.cose`) // prettier-ignore
      const registered = await run('register', `${name}.cose`, '--url', lent.url, '--token-file', 'token', '--json') // prettier-ignore
      expect(registered.stderr).toBe('')
      return json(registered)['entryId'] as string
    }
    const shown = json(await run('policy', 'show', '--data', 'lent', '--json'))
    file('strict.json', {
      ...(shown['policy'] as Record<string, unknown>),
      delegation: { depthMax: 1 },
      submitter: { required: true },
      conditions: [{ name: 'farm', cel: "submitter.name == 'farm'" }],
      celEvaluator: '@marcbachmann/cel-js@8.0.0',
    })
    expect((await run('policy', 'set', 'strict.json', '--key', 'lent/keys/operator.pem', '--url', lent.url)).stderr).toBe('') // prettier-ignore
    const { issuers } = JSON.parse(readFileSync(join(folder.path, 'farm.json'), 'utf8')) as {
      issuers: { coseKey: string }[]
    }
    const { coseKey: audience } = issuers[0]!
    const given = { version: 1, audience, subjects: ['*'], predicateTypes: ['*'], expires: 4e9 }
    const type = 'application/vnd.attestry.delegation'
    const delegation = await register(file('given', given), 'issuer.pem', `${type}+json`)
    await register('note', 'farm.pem', 'text/plain')
    file('taken', { version: 1, delegation })
    await register('taken', 'issuer.pem', `${type}-revocation+json`)
    await register('sbom', 'issuer.pem', 'application/spdx+json')
    const tried = await run('policy', 'test', 'strict.json', '--data', 'lent')
    expect(tried).toMatchObject({
      stdout: '2 tried: 2 accepted, 0 refused\n',
      stderr: '',
      status: 0,
    })
    await lent.stop()
  }, 60_000)

  it('test: says what is wrong with a policy that could not be set', async () => {
    file('bad.json', { ...policy, conditions: [{ name: 'x', cel: 'a.matches("b")' }], celEvaluator: 'x@1' }) // prettier-ignore
    const bad = await run('policy', 'test', 'bad.json', '--data', 'data')
    expect(bad.status).toBe(1)
    expect(bad.stderr).toMatch(/ERR_TRUST_CONFIGURATION/)
  })

  it('set: gives the right to change rules away only when told to', async () => {
    const operator = ['--key', 'data/keys/operator.pem', '--url', server.url]
    await run('keygen', '--out', 'next.pem')
    await run('trust', 'add', 'next.json', '--issuer', 'next.pub.cbor')
    const { issuers } = JSON.parse(readFileSync(join(folder.path, 'next.json'), 'utf8')) as {
      issuers: { coseKey: string }[]
    }
    const { coseKey } = issuers[0]!
    // Also what comes of a policy of another log.
    file('away.json', { ...policy, operatorKeys: [coseKey] })
    const kept = await run('policy', 'set', 'away.json', ...operator)
    expect(kept).toMatchObject({ status: 4, stdout: '' })
    expect(kept.stderr).toMatch(/ERR_USAGE.*\nhint: .*--hand-over/)
    expect((await run('policy', 'diff', 'away.json', '--data', 'data')).stdout).toMatch(
      /^operatorKeys/,
    )
    const given = await run('policy', 'set', 'away.json', ...operator, '--hand-over', '--json')
    expect(json(given)).toMatchObject({ keyRotated: true })
  })

  it('set: refuses a key that is not the operator’s', async () => {
    file('new.json', { ...policy, contentTypes: ['text/*'] })
    const refused = await run(
      'policy',
      'set',
      'new.json',
      '--key',
      'issuer.pem',
      '--url',
      server.url,
      '--hand-over',
    )
    expect(refused.status).toBe(1)
    expect(refused.stderr).toMatch(/ERR_POLICY_REJECTED/)
    expect(readFileSync(join(folder.path, 'new.json'), 'utf8')).toContain('text/*')
  })
})
