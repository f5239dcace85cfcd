/**
 * `npm run bench -- --stores`: one node over SQLite beside one over PostgreSQL, taken in turns, and two
 * nodes on one log. Everything shares the cores: the servers, both clusters and the clients.
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { PostgresServer } from '../test/support/postgres-server.ts'
import { number } from './figures.ts'
import type { LoadResult } from './load.ts'
import { attestry, load, serveAttestry } from './processes.ts'
import type { ServerProcess } from './processes.ts'

const CONCURRENCIES = [64, 256] as const
const WARM_UP = 2000
const COUNT = 6000
const ROUNDS = 5

export interface StoresBench {
  readonly pem: string
  /** Makes a log; returns its data directory. */
  readonly newData: (name: string, ...more: readonly string[]) => Promise<string>
}

/** Which of several results is in the middle. */
function median(results: readonly LoadResult[]): LoadResult {
  const sorted = [...results].sort((a, b) => a.registrationsPerSecond - b.registrationsPerSecond)
  return sorted[Math.floor(sorted.length / 2)]!
}

function row(name: string, result: LoadResult, sqlite: LoadResult): string {
  const { registrationsPerSecond: perSecond, p50Ms, p99Ms, errors } = result
  const ratio = perSecond / sqlite.registrationsPerSecond
  const failed = Object.keys(errors).length === 0 ? '0' : JSON.stringify(errors)
  const cells = [name, number(perSecond), number(ratio, 2), number(p50Ms, 1), number(p99Ms, 1)]
  return `| ${[...cells, failed].join(' | ')} |`
}

export async function storesReport({ pem, newData }: StoresBench): Promise<string[]> {
  const clusters = [await PostgresServer.create(), await PostgresServer.create()] as const
  const nodes: ServerProcess[] = []
  try {
    const [store, guard] = [await clusters[0].createDatabase(), await clusters[1].createDatabase()]
    const shared = await newData('shared', '--store', store, '--guard', guard)
    const sqlite = await serveAttestry(await newData('sqlite'))
    nodes.push(sqlite, await serveAttestry(shared))
    const run = (node: ServerProcess, concurrency: number, count = COUNT): Promise<LoadResult> =>
      load({ port: node.port, concurrency, count, pem })
    for (const node of nodes) await run(node, 16, WARM_UP)

    const lines = [
      '| store, connections | per second | ÷ SQLite | p50 ms | p99 ms | errors |',
      '|---|---|---|---|---|---|',
    ]
    for (const concurrency of CONCURRENCIES) {
      const results: [LoadResult[], LoadResult[]] = [[], []]
      for (let round = 0; round < ROUNDS; round++) {
        for (const [at, of] of results.entries()) of.push(await run(nodes[at]!, concurrency))
      }
      const [ofSqlite, ofPostgres] = [median(results[0]), median(results[1])]
      lines.push(row(`SQLite, ${concurrency}`, ofSqlite, ofSqlite))
      lines.push(row(`PostgreSQL, ${concurrency}`, ofPostgres, ofSqlite))
      if (concurrency === 256) lines.push(await twoNodes(shared, nodes, run, ofSqlite))
    }
    await attestry('log', 'check', '--data', shared)
    const [version] = await clusters[0].query('SHOW server_version')
    const { server_version: name } = version as { readonly server_version: string }
    return [
      `PostgreSQL ${name}, fsync and synchronous_commit on, no standby, through Unix sockets. Medians of ${ROUNDS} rounds of ${number(COUNT)}; \`log check\` afterwards.`,
      '',
      ...lines,
    ]
  } finally {
    for (const node of nodes) await node.stop()
    for (const cluster of clusters) await cluster.remove()
  }
}

/** A second node beside the one that runs, half of the load for each. */
async function twoNodes(
  shared: string,
  nodes: ServerProcess[],
  run: (node: ServerProcess, concurrency: number, count: number) => Promise<LoadResult>,
  sqlite: LoadResult,
): Promise<string> {
  const second = `${shared}-2`
  for (const name of ['keys', 'location.json']) {
    cpSync(join(shared, name), join(second, name), { recursive: true })
  }
  nodes.push(await serveAttestry(second))
  await run(nodes[2]!, 16, WARM_UP)
  const [one, two] = await Promise.all(
    [nodes[1]!, nodes[2]!].map((node) => run(node, 128, COUNT / 2)),
  )
  const slower = one!.p99Ms > two!.p99Ms ? one! : two!
  const both = one!.registrationsPerSecond + two!.registrationsPerSecond
  const errors = { ...one!.errors, ...two!.errors }
  return row(
    'PostgreSQL, two nodes, 128 each',
    { ...slower, registrationsPerSecond: both, errors },
    sqlite,
  )
}
