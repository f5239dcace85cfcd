/** Starting and stopping the processes that are measured: servers on loopback, and the load. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LoadRequest, LoadResult } from './load.ts'
import type { OverloadRequest, OverloadResult } from './overload-load.ts'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const CLI = here('../cli/main.js')
const run = promisify(execFile)

export interface ServerProcess {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/** Runs an `attestry` command to its end. */
export async function attestry(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [CLI, ...args])
  return stdout
}

function start(
  args: readonly string[],
  portIn: RegExp,
  environment: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const port = portIn.exec(printed)?.[1]
      if (port !== undefined)
        resolve({ pid: child.pid ?? 0, port: Number(port), stop: () => stop(child) })
    })
    child.once('error', reject)
    child.once('exit', (code) => {
      reject(new Error(`server ended early with ${code}`))
    })
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit')
    child.once('exit', () => {
      resolve()
    })
    child.kill('SIGTERM')
  })
}

const ATTESTRY_PORT = /http:\/\/127\.0\.0\.1:(\d+)/

export function serveAttestry(data: string, ...more: readonly string[]): Promise<ServerProcess> {
  return start([CLI, 'serve', '--data', data, '--port', '0', ...more], ATTESTRY_PORT)
}

/** One that writes to `file` what lives in it, minute by minute: see live-bytes.ts. */
export function serveWatchedAttestry(data: string, file: string): Promise<ServerProcess> {
  return start([CLI, 'serve', '--data', data, '--port', '0'], ATTESTRY_PORT, {
    // A URL, since blanks in a path would end the option. It is not bundled: threads load it, too.
    NODE_OPTIONS: `--import=${new URL('../../bench/collect-minutely.mjs', import.meta.url).href}`,
    BENCH_LIVE_MEMORY_FILE: file,
  })
}

export function serveYardstick(
  name: 'bare-log' | 'plain-express',
  ...args: readonly string[]
): Promise<ServerProcess> {
  return start([here(`${name}.js`), ...args], /^(\d+)$/m)
}

/** Runs the load in a process of its own. */
export async function load(request: LoadRequest): Promise<LoadResult> {
  const { stdout } = await run(process.execPath, [here('load.js'), JSON.stringify(request)])
  return JSON.parse(stdout) as LoadResult
}

/** The same for a load at a fixed rate. */
export async function loadAtRate(request: OverloadRequest): Promise<OverloadResult> {
  const { stdout } = await run(process.execPath, [
    here('overload-load.js'),
    JSON.stringify(request),
  ])
  return JSON.parse(stdout) as OverloadResult
}
