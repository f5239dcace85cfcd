/**
 * `npm run bench`: the server as its users start it, loaded over HTTP from a separate process at
 * concurrency 1, 64 and 256, beside yardsticks taken in the same run. Prints a table and writes
 * bench/RESULTS.md. `-- --memory` registers 200,000 statements and watches memory instead;
 * `-- --evidence` what TEE evidence costs (evidence-bench.ts),
 * `-- --index [COUNT]` measures the index instead (index-bench.ts), `-- --overload` what happens when
 * more is offered than is taken (overload.ts), `-- --soak MINUTES` what grows with time (soak.ts),
 * `-- --stores` one and two nodes on PostgreSQL beside SQLite (stores-bench.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { evidenceReport } from './evidence-bench.ts'
import { number } from './figures.ts'
import { hostileReport } from './hostile.ts'
import { indexReport } from './index-bench.ts'
import { overloadReport } from './overload.ts'
import { memoryMiB } from './process-usage.ts'
import { attestry, serveAttestry } from './processes.ts'
import { soakReport } from './soak.ts'
import { measure, speedReport } from './speed.ts'
import { issuerFromPem, makeIssuerPem } from './statements.ts'
import { storesReport } from './stores-bench.ts'
import { encodeCoseKey } from '../src/cose/public-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'attestry-bench-'))
const pem = makeIssuerPem()
const publicKey = issuerFromPem(pem).publicKey

async function newData(name: string, ...more: readonly string[]): Promise<string> {
  const key = join(folder, 'issuer.pub.cbor')
  const data = join(folder, name)
  writeFileSync(key, encodeCoseKey(publicKey))
  await attestry('init', '--data', data, '--origin', 'bench.example/log', '--trust', key, ...more)
  return data
}

async function memory(): Promise<string[]> {
  const server = await serveAttestry(await newData('memory'))
  const lines = ['| registrations | RSS MiB | peak MiB | per second |', '|---|---|---|---|']
  for (let total = 20_000; total <= 200_000; total += 20_000) {
    const { registrationsPerSecond } = await measure(server, {
      pem,
      concurrency: 64,
      count: 20_000,
    })
    const { now, peak } = memoryMiB(server.pid)
    lines.push(
      `| ${number(total)} | ${number(now)} | ${number(peak)} | ${number(registrationsPerSecond)} |`,
    )
    console.log(lines.at(-1))
  }
  await server.stop()
  return lines
}

interface Report {
  readonly title: string
  readonly file: string
  readonly run: () => Promise<readonly string[]>
}

function chooseReport(argv: readonly string[]): Report {
  if (argv.includes('--memory')) {
    const title = 'Memory over 200,000 registrations, 64 connections'
    return { title, file: 'bench/RESULTS-memory.md', run: memory }
  }
  if (argv.includes('--index')) {
    const count = Number(argv[argv.indexOf('--index') + 1] ?? 200_000)
    const title = `Index of ${number(count)} statements with 10 dependencies each`
    return {
      title,
      file: 'bench/RESULTS-index.md',
      run: async () =>
        indexReport({ count, pem, data: await newData('index'), other: await newData('off') }),
    }
  }
  if (argv.includes('--evidence')) {
    const title = 'TEE evidence: cost by kind, and a burst of quotes beside plain registrations'
    const run = async (): Promise<string[]> => evidenceReport({ pem, data: await newData('tee') })
    return { title, file: 'bench/RESULTS-evidence.md', run }
  }
  if (argv.includes('--overload')) {
    const run = (): Promise<string[]> => overloadReport({ pem, newData })
    return { title: 'Overload', file: 'bench/RESULTS-overload.md', run }
  }
  if (argv.includes('--stores')) {
    const run = (): Promise<string[]> => storesReport({ pem, newData })
    return { title: 'SQLite and PostgreSQL', file: 'bench/RESULTS-stores.md', run }
  }
  if (argv.includes('--soak')) {
    const minutes = Number(argv[argv.indexOf('--soak') + 1] ?? 3)
    const title = `Soak of ${number(minutes)} minutes`
    const run = async (): Promise<string[]> =>
      soakReport({ minutes, pem, data: await newData('soak') })
    return { title, file: 'bench/RESULTS-soak.md', run }
  }
  const run = async (): Promise<string[]> => [
    ...(await speedReport({ folder, pem, newData })),
    '',
    ...(await hostileReport()),
  ]
  return { title: 'Registrations over HTTP', file: 'bench/RESULTS.md', run }
}

try {
  const { title, file, run } = chooseReport(process.argv)
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${number(totalmem() / 2 ** 30)} GiB, Node ${process.version}, client on the same cores.`
  const date = new Date().toISOString().slice(0, 10)
  const lines = [`## ${title}`, '', `${date} · ${machine}`, '', ...(await run())]
  console.log(lines.join('\n'))
  writeFileSync(file, `${lines.join('\n').trimEnd()}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
