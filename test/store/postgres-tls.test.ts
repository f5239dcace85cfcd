/**
 * TLS to PostgreSQL: every connection of a store and a guard is encrypted, the server is who its certificate
 * says before anything is told to it, and what is wrong is said without passwords and paths of keys.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import type { WakeUp } from '../../src/log/store.ts'
import { PostgresDatabase } from '../../src/store/postgres/database.ts'
import { PostgresGuard } from '../../src/store/postgres/postgres-guard.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { headOf } from '../contract/guard.ts'
import { describePostgres, newPostgresLog } from '../support/postgres.ts'
import { PASSWORD, usePostgresTls } from '../support/postgres-tls.ts'
import type { TlsPostgres } from '../support/postgres-tls.ts'
import { useReleases } from '../support/releases.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const SESSION = {
  name: 'session',
  text: `SELECT ssl, client_dn AS "clientName" FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
}
/** The driver takes them for the same: the chain of the server and its name are verified. */
const VERIFYING = ['verify-full', 'verify-ca', 'require', 'prefer']
const UNKNOWN_AUTHORITY = 'self-signed certificate in certificate chain'
/** What it says of it may come too late: it ends the connection then, too. */
const ENDED = /unknown ca|ECONNRESET|EPIPE|terminated/
const OTHER_NAME = "does not match certificate's altnames"

const directory = temporaryDirectory()
const releases = useReleases()

describePostgres('TLS to PostgreSQL', () => {
  const tls = usePostgresTls()

  /** What the session is that a URL leads to. */
  async function session(...place: Parameters<TlsPostgres['urlOf']>): Promise<unknown> {
    const database = await PostgresDatabase.open(tls().urlOf(...place), { connectionsMax: 1 })
    releases.push(() => database.close())
    return (await database.query(SESSION))[0]
  }

  /** The message of a store that is not reached. */
  async function refusal(...place: Parameters<TlsPostgres['urlOf']>): Promise<string> {
    const error = await session(...place).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNREACHABLE' })
    return (error as Error).message
  }

  it('is on every connection of a store and a guard, the one that listens too', async () => {
    const { server, files, urlOf } = tls()
    await server.query('CREATE DATABASE encrypted')
    const verified = { sslmode: 'verify-full', sslrootcert: files.root }
    const url = urlOf(verified, { database: 'encrypted' })
    const { store, scribe } = await newPostgresLog(url, releases)
    const heard: WakeUp[] = []
    store.watch((told) => heard.push(told))
    await expect.poll(() => heard).toEqual([{ kind: 'committed' }])
    const other = await PostgresLogStore.open(url, { mode: 'existing' })
    releases.push(() => other.close())
    await other.commit(scribe.commit('encrypted', 3))
    await expect.poll(() => heard).toHaveLength(2)
    const guard = await PostgresGuard.open(url)
    releases.push(() => guard.close())
    await guard.create(await headOf(2))
    const sessions = (await server.query(
      `SELECT ssl, version, query FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'attestry' AND datname = 'encrypted'`,
    )) as { readonly query: string }[]
    expect(sessions.length).toBeGreaterThanOrEqual(4)
    expect(sessions.filter(({ query }) => query.startsWith('LISTEN'))).toHaveLength(1)
    for (const one of sessions) expect(one).toMatchObject({ ssl: true, version: 'TLSv1.3' })
  })

  it.each(VERIFYING)('with sslmode=%s is given to the right server alone', async (sslmode) => {
    const { root, stranger } = tls().files
    expect(await session({ sslmode, sslrootcert: root })).toMatchObject({ ssl: true })
    expect(await refusal({ sslmode, sslrootcert: stranger })).toContain(UNKNOWN_AUTHORITY)
    // Without a file: those that Node knows.
    expect(await refusal({ sslmode })).toContain(UNKNOWN_AUTHORITY)
    const host = '127.0.0.1'
    expect(await refusal({ sslmode, sslrootcert: root }, { host })).toContain(OTHER_NAME)
  })

  it('is verified where a URL names an authority and no mode', async () => {
    const { root, stranger } = tls().files
    expect(await session({ sslrootcert: root })).toMatchObject({ ssl: true })
    expect(await refusal({ sslrootcert: stranger })).toContain(UNKNOWN_AUTHORITY)
  })

  it('is refused to a guard in the words of a guard', async () => {
    const { files, urlOf } = tls()
    const url = urlOf({ sslmode: 'verify-full', sslrootcert: files.stranger })
    await expect(PostgresGuard.open(url)).rejects.toMatchObject({
      code: 'ERR_GUARD_UNREACHABLE',
      message: expect.stringContaining(UNKNOWN_AUTHORITY) as unknown,
    })
  })

  it('is off by sslmode=disable and by default, unless PGSSLMODE says otherwise', async () => {
    for (const parameters of [{ sslmode: 'disable' }, {}]) {
      expect(await refusal(parameters)).toContain('no encryption')
    }
    vi.stubEnv('PGSSLMODE', 'require')
    releases.push(() => vi.unstubAllEnvs())
    expect(await refusal({})).toContain(UNKNOWN_AUTHORITY)
  })

  it.each([
    { sslmode: '' },
    { sslrootcert: '' },
    { sslmode: 'Verify-Full' },
    { sslMode: 'require' },
    { ssl_root_cert: 'a.pem' },
  ])('is not left out because of a mistake: %j', async (parameters) => {
    const [name] = Object.keys(parameters)
    await expect(session(parameters)).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining(`: ${name} `) as unknown,
    })
  })

  it('is not left out because of a mistake in PGSSLMODE', async () => {
    releases.push(() => vi.unstubAllEnvs())
    vi.stubEnv('PGSSLMODE', 'verify_full')
    await expect(session({})).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining(': PGSSLMODE ') as unknown,
    })
    // Nobody asks for it where the URL says what holds.
    expect(await refusal({ sslmode: 'disable' })).toContain('no encryption')
    vi.stubEnv('PGSSLMODE', '')
    expect(await refusal({})).toContain('no encryption')
  })

  it.each([
    { sslmode: 'no-verify' },
    { sslmode: 'prefer', uselibpqcompat: 'true' },
    { sslmode: 'require', uselibpqcompat: 'true' },
  ])('believes anybody where the URL says so: %j', async (parameters) => {
    expect(await session(parameters, { host: '127.0.0.1' })).toMatchObject({ ssl: true })
  })

  it.each(['require', 'verify-ca'])(
    'believes any name of the authority with sslmode=%s of libpq',
    async (sslmode) => {
      const { root, stranger } = tls().files
      const parameters = { sslmode, uselibpqcompat: 'true' }
      const host = '127.0.0.1'
      const known = { ...parameters, sslrootcert: root }
      expect(await session(known, { host })).toMatchObject({ ssl: true })
      expect(await refusal({ ...parameters, sslrootcert: stranger })).toContain(UNKNOWN_AUTHORITY)
    },
  )

  it('shows a certificate of ours to a server that asks for one', async () => {
    const { root, ...ours } = tls().files
    const role = 'by_certificate'
    const verified = { sslmode: 'verify-full', sslrootcert: root }
    const own = { sslcert: ours.certificate, sslkey: ours.key }
    expect(await session({ ...verified, ...own }, { role })).toEqual({
      ssl: true,
      clientName: '/O=Test/CN=by_certificate',
    })
    expect(await refusal(verified, { role })).toContain('requires a valid client certificate')
    const strange = { sslcert: ours.strangeCertificate, sslkey: ours.strangeKey }
    expect(await refusal({ ...verified, ...strange }, { role })).toMatch(ENDED)
    const mixed = { sslcert: ours.certificate, sslkey: ours.strangeKey }
    expect(await refusal({ ...verified, ...mixed }, { role })).toContain('key values mismatch')
  })

  it('keeps passwords out of messages', async () => {
    const verified = { sslmode: 'verify-full', sslrootcert: tls().files.root }
    const right = { role: `by_password:${PASSWORD}` }
    expect(await session(verified, right)).toMatchObject({ ssl: true })
    const message = await refusal(verified, { role: `by_password:not-${PASSWORD}` })
    expect(message).toContain('password authentication failed')
    expect(message).not.toContain(PASSWORD)
  })

  it.each(['sslrootcert', 'sslcert', 'sslkey'])(
    'says that %s names no file, and not which',
    async (name) => {
      const { root, certificate, key } = tls().files
      const files = { sslrootcert: root, sslcert: certificate, sslkey: key }
      const path = join(directory, 'no where')
      const message = await refusal({ sslmode: 'verify-full', ...files, [name]: path })
      expect(message).toMatch(new RegExp(`the file that ${name} names cannot be read: ENOENT$`))
    },
  )

  it.each(['', 'no certificate'])('takes no file of authorities that holds %j', async (text) => {
    // The driver takes an empty file for none, and trusts the public authorities.
    const path = join(directory, 'empty.pem')
    writeFileSync(path, text)
    const message = await refusal({ sslmode: 'verify-full', sslrootcert: path })
    expect(message).toContain('the file that sslrootcert names holds no certificate')
  })

  it.each(['false', 'require'])(
    'refuses ssl=%s, which ends the process in the driver',
    async (ssl) => {
      const ends: unknown[] = []
      const hear = (error: unknown): void => void ends.push(error)
      process.on('uncaughtException', hear)
      try {
        await expect(session({ ssl })).rejects.toMatchObject({
          code: 'ERR_CONFIGURATION',
          message: expect.stringMatching(/ssl is true, 1, 0 or no-verify.*sslmode/) as unknown,
        })
        expect(ends).toEqual([])
      } finally {
        process.off('uncaughtException', hear)
      }
    },
  )
})
