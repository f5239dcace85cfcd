/**
 * Nodes of one log as processes of the built CLI, each with a network of its own to the two PostgreSQL
 * clusters, so that a test can end, freeze or cut off one of them.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import type { PublicKey } from '../../src/cose/public-key.ts'
import { CutProxy } from './cut-proxy.ts'
import type { PostgresServer } from './postgres-server.ts'
import { attestry, serve } from './server-process.ts'
import type { ServerProcess } from './server-process.ts'

/**
 * Makes a log in two clusters, and nodes for it that are not started; `first` is the directory that
 * `attestry init` made.
 */
export async function createNodes(
  place: Pick<NodeCluster, 'folder' | 'store' | 'guard'>,
  issuerKey: PublicKey,
  names: readonly string[],
): Promise<{ readonly first: string; readonly nodes: readonly NodeProcess[] }> {
  const { folder, store, guard } = place
  await store.query('CREATE DATABASE log')
  await guard.query('CREATE DATABASE guard')
  const [first, key] = [join(folder, 'first'), join(folder, 'issuer.pub.cbor')]
  writeFileSync(key, encodeCoseKey(issuerKey))
  const made = await attestry(
    ...['init', '--data', first, '--origin', 'nodes.example/log', '--trust', key],
    ...['--store', store.urlOf('log'), '--guard', guard.urlOf('guard')],
  )
  if (made.code !== 0) throw new Error(made.stderr)
  const cluster = { ...place, databases: { store: 'log', guard: 'guard' } }
  const nodes: NodeProcess[] = []
  for (const name of names) nodes.push(await NodeProcess.create(cluster, first, name))
  return { first, nodes }
}

/** Where a log of several nodes is. */
export interface NodeCluster {
  readonly folder: string
  readonly store: PostgresServer
  readonly guard: PostgresServer
  /** Names of the databases. */
  readonly databases: { readonly store: string; readonly guard: string }
}

export class NodeProcess {
  readonly data: string
  readonly #proxies: Readonly<Record<'store' | 'guard', CutProxy>>
  readonly #databases: NodeCluster['databases']
  #process: ServerProcess | undefined
  /** Everything that it told the operator. */
  told = ''

  private constructor(
    data: string,
    proxies: Readonly<Record<'store' | 'guard', CutProxy>>,
    databases: NodeCluster['databases'],
  ) {
    this.data = data
    this.#proxies = proxies
    this.#databases = databases
  }

  /** A node with the keys of `from`, the directory that `attestry init` made. Not started. */
  static async create(cluster: NodeCluster, from: string, name: string): Promise<NodeProcess> {
    const data = join(cluster.folder, name)
    mkdirSync(data, { mode: 0o700 })
    cpSync(join(from, 'keys'), join(data, 'keys'), { recursive: true })
    const proxies = {
      store: await CutProxy.listen(cluster.store.socketPath),
      guard: await CutProxy.listen(cluster.guard.socketPath),
    }
    return new NodeProcess(data, proxies, cluster.databases)
  }

  get url(): string {
    return this.#process?.url ?? 'http://127.0.0.1:9'
  }

  /** Resolves with the exit code once its process has ended. */
  get ended(): Promise<number | null> {
    const child = this.#process?.child
    if (child === undefined || !this.isRunning) return Promise.resolve(child?.exitCode ?? null)
    return new Promise((resolve) => child.once('exit', resolve))
  }

  /** True while its process lives, frozen or not. */
  get isRunning(): boolean {
    const child = this.#process?.child
    return child?.exitCode === null && child.signalCode === null
  }

  async start(): Promise<void> {
    const { store, guard } = this.#databases
    this.#process = await serve(
      ...([this.data, '--store', this.#proxies.store.urlOf(store)] as const),
      ...['--guard', this.#proxies.guard.urlOf(guard), '--journal-interval-ms', '2000'],
    )
    this.#process.child.stdout?.on('data', (text: Buffer) => (this.told += text.toString()))
    this.#process.child.stderr?.on('data', (text: Buffer) => (this.told += text.toString()))
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  async stop(): Promise<number | null> {
    return (await this.#process?.stop()) ?? null
  }

  freeze(): void {
    this.#process?.child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.child.kill('SIGCONT')
  }

  cut(what: 'store' | 'guard', how: 'silent' | 'reset'): void {
    this.#proxies[what].cut(how)
  }

  /** Leads it to another database server. */
  failOver(to: PostgresServer): void {
    this.#proxies.store.redirect(to.socketPath)
  }

  heal(): void {
    for (const proxy of Object.values(this.#proxies)) proxy.heal()
  }

  async dispose(): Promise<void> {
    this.thaw()
    await this.kill()
    for (const proxy of Object.values(this.#proxies)) await proxy.close()
  }
}
