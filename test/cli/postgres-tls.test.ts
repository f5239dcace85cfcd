/** A log in PostgreSQL that takes TLS alone, from the command line: made, served, moved there, and refused. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePostgres } from '../support/postgres.ts'
import { PASSWORD, usePostgresTls } from '../support/postgres-tls.ts'
import type { TlsPostgres } from '../support/postgres-tls.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { hosted, startServer } from './attestry.ts'
import type { CliResult, RunningServer } from './attestry.ts'

const cwd = temporaryDirectory()
const INIT = ['init', '--data', 'log', '--origin', 'log.example']
/** The guard's password is out of every URL, as operating.md says. */
const env = { PGPASSWORD: PASSWORD }

function run(...args: readonly string[]): Promise<CliResult> {
  return hosted(args, { cwd, env })
}

async function ok(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...args)
  expect(status, stdout + stderr).toBe(0)
  return stdout
}

/** What is printed of a refusal: a line with its code, a hint, and nothing that is nobody's business. */
async function refusal(
  args: readonly string[],
  more: Record<string, string> = {},
): Promise<string> {
  const { status, stdout, stderr } = await hosted(args, { cwd, env: { ...env, ...more } })
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).not.toMatch(/\n +at /)
  expect(stderr).not.toContain(PASSWORD)
  expect(stderr).not.toContain('.key')
  return stderr
}

describePostgres('attestry with databases that take TLS alone', () => {
  const stores = usePostgresTls()
  const guards = usePostgresTls()
  let server: RunningServer | undefined
  let guard = ''

  /** The store is entered with a certificate of the node; `parameters` come on top. */
  const storeUrl = (parameters: Parameters<TlsPostgres['urlOf']>[0] = {}, name = 'log'): string => {
    const { files, urlOf } = stores()
    const own = { sslcert: files.certificate, sslkey: files.key }
    const verified = { sslmode: 'verify-full', sslrootcert: files.root, ...own }
    return urlOf({ ...verified, ...parameters }, { role: 'by_certificate', database: name })
  }
  const guardUrl = (root: string, name = 'log'): string =>
    guards().urlOf(
      { sslmode: 'verify-full', sslrootcert: root },
      { role: 'by_password', database: name },
    )

  beforeAll(async () => {
    for (const name of ['log', 'moved']) {
      await stores().server.query(`CREATE DATABASE ${name} OWNER by_certificate`)
      await guards().server.query(`CREATE DATABASE ${name} OWNER by_password`)
    }
    guard = guardUrl(guards().files.root)
  })
  afterAll(() => server?.stop())

  it('refuses a server that is not verified, and files that cannot be used', async () => {
    const { files } = stores()
    writeFileSync(join(cwd, 'empty.pem'), '')
    // An authority that the process trusts otherwise does not stand in for the one that is named.
    const trusted = { NODE_EXTRA_CA_CERTS: files.root }
    const refuse = (store: string, other = guard): Promise<string> =>
      refusal([...INIT, '--store', store, '--guard', other], trusted)
    const printed = await Promise.all([
      refuse(storeUrl({ sslrootcert: files.stranger })),
      refuse(storeUrl({ sslrootcert: 'empty.pem' })),
      refuse(storeUrl({ sslkey: 'no.key' })),
      refuse(storeUrl(), guardUrl(guards().files.stranger)),
      refuse(stores().urlOf({ ssl: 'false' })),
    ])
    const said = [
      /does not answer: self-signed certificate in certificate chain \(ERR_STORE_UNREACHABLE\)\nhint: /,
      /does not answer: the file that sslrootcert names holds no certificate \(ERR_STORE_UNREACHABLE\)\nhint: /,
      /does not answer: the file that sslkey names cannot be read: ENOENT \(ERR_STORE_UNREACHABLE\)\nhint: /,
      /does not answer: self-signed certificate in certificate chain \(ERR_GUARD_UNREACHABLE\)\nhint: /,
      /ssl is true, 1, 0 or no-verify .* \(ERR_CONFIGURATION\)/,
    ]
    for (const [at, pattern] of said.entries()) expect(printed[at]).toMatch(pattern)
    expect(existsSync(join(cwd, 'log'))).toBe(false)
  })

  it('makes and serves a log, and each connection is encrypted', async () => {
    await ok(...INIT, '--store', storeUrl(), '--guard', guard)
    server = await startServer(['serve', '--data', 'log', '--port', '0'], { cwd, env })
    const sessions = `SELECT ssl, client_dn AS name, query LIKE 'LISTEN %' AS listens
      FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'attestry'`
    const name = '/O=Test/CN=by_certificate'
    await expect
      .poll(() => stores().server.query(sessions), { timeout: 20_000 })
      .toContainEqual({ ssl: true, name, listens: true })
    for (const one of await stores().server.query(sessions)) {
      expect(one).toMatchObject({ ssl: true, name })
    }
    const guarded = await guards().server.query(sessions)
    expect(guarded.length).toBeGreaterThan(0)
    for (const one of guarded) expect(one).toEqual({ ssl: true, name: null, listens: false })
    expect(await server.stop()).toBe(0)
  })

  it('moves a log there', async () => {
    await ok('init', '--data', 'file', '--origin', 'file.example')
    const to = ['--to', storeUrl({}, 'moved'), '--to-guard', guardUrl(guards().files.root, 'moved')]
    const moved = JSON.parse(await ok('migrate', '--data', 'file', ...to, '--json')) as object
    expect(moved).toMatchObject({ treeSize: 2 })
    expect(JSON.parse(await ok('log', 'check', '--data', 'file', '--json'))).toMatchObject({
      guard: 2,
    })
  })
})
