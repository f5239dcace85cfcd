/** The built CLI as a process of its own, as its users run it: for tests that kill it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const run = promisify(execFile)

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end, whatever its exit code. */
export async function attestry(...args: readonly string[]): Promise<CommandResult> {
  try {
    return { code: 0, ...(await run(process.execPath, [CLI, ...args])) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout: string; stderr: string }
    if (typeof code !== 'number') throw error
    return { code, stdout, stderr }
  }
}

export interface ServerProcess {
  readonly url: string
  readonly child: ChildProcess
  /** SIGKILL: nothing gets a chance to clean up. */
  kill(): Promise<void>
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>
}

/** Starts `attestry serve` on a free loopback port; rejects with its stderr when it refuses. */
export function serve(data: string, ...more: readonly string[]): Promise<ServerProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, 'serve', '--data', data, '--port', '0', ...more])
    const ended = new Promise<number | null>((done) => child.once('exit', done))
    let stdout = ''
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(stdout)?.[0]
      if (url === undefined) return
      const signal = (name: NodeJS.Signals): Promise<number | null> => {
        child.kill(name)
        return ended
      }
      resolve({
        url,
        child,
        kill: async () => {
          await signal('SIGKILL')
        },
        stop: () => signal('SIGTERM'),
      })
    })
    void ended.then((code) => {
      reject(new Error(`serve ended with ${code}: ${stderr}`))
    })
  })
}
