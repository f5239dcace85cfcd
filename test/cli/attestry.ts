/**
 * Runs the built command line (`dist/cli/main.js`, or ATTESTRY_CLI) as child processes, or many commands in
 * one of them. Every command has a time limit, and servers are stopped by their own handle.
 */
import { fork, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { slow } from '../support/mutate.ts'

export const cliPath: string =
  process.env['ATTESTRY_CLI'] ?? fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

if (!existsSync(cliPath)) throw new Error(`${cliPath} does not exist: run \`npm run build\` first`)

const hostPath = fileURLToPath(new URL('host.mjs', import.meta.url))
/** Commands that end with their process. */
const SERVERS = ['serve', 'witness', 'quickstart']

const CHILD_MS_MAX = 30_000
/** A server serves a whole file of tests, however slow the machine is: only what was left behind is ended. */
const SERVER_MS_MAX = slow ? 60 * 60_000 : 15 * 60_000

export interface CliResult {
  readonly status: number | null
  readonly stdout: string
  readonly stdoutBytes: Uint8Array
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd: string
  readonly stdin?: Uint8Array | string
  readonly env?: Readonly<Record<string, string>>
}

const environment = { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), TZ: 'UTC' }

/** Runs one command to its end, in a process of its own. */
export async function attestry(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return finish(process.execPath, [cliPath, ...args], options)
}

let host: ChildProcess | undefined
let lastCommand: Promise<unknown> = Promise.resolve()

/**
 * Runs one command to its end, after those before it, in a process that keeps what it has loaded; slow
 * suites start one for each. Every command works in a process of its own in processes.test.ts.
 */
export async function hosted(args: readonly string[], options: CliOptions): Promise<CliResult> {
  if (slow) return attestry(args, options)
  const result = lastCommand.then(() => runInHost(args, options))
  lastCommand = result.catch(() => undefined)
  return result
}

async function runInHost(args: readonly string[], options: CliOptions): Promise<CliResult> {
  host ??= fork(hostPath, [cliPath], { serialization: 'advanced', execArgv: [] })
  const child = host
  const env = { ...environment, ...options.env }
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), CHILD_MS_MAX)
    const onExit = (code: number | null): void => {
      clearTimeout(timer)
      host = undefined
      reject(new Error(`attestry ${args.join(' ')} ended its host: ${code}`))
    }
    child.once('exit', onExit)
    child.once('message', (result: { status: number; stdout: Uint8Array; stderr: Uint8Array }) => {
      clearTimeout(timer)
      child.off('exit', onExit)
      resolve(resultOf(result.status, result.stdout, result.stderr))
    })
    child.send({ args, cwd: options.cwd, stdin: options.stdin ?? '', env })
  })
}

/** Commands in one folder, in the words of a test. */
export interface CommandLine {
  readonly run: (...args: string[]) => Promise<CliResult>
  /** Expects status 0; what it printed. */
  readonly ok: (...args: string[]) => Promise<string>
  /** The same with `--json`, parsed. */
  readonly json: <Shape = Record<string, unknown>>(...args: string[]) => Promise<Shape>
}

/** @param folder asked at each command: some tests have a fresh one each. */
export function commandLine(folder: () => string): CommandLine {
  const run = (...args: string[]): Promise<CliResult> =>
    (SERVERS.includes(args[0]!) ? attestry : hosted)(args, { cwd: folder() })
  const ok = async (...args: string[]): Promise<string> => {
    const result = await run(...args)
    expect(result.status, result.stdout + result.stderr).toBe(0)
    return result.stdout
  }
  const json = async <Shape>(...args: string[]): Promise<Shape> =>
    JSON.parse(await ok(...args, '--json')) as Shape
  return { run, ok, json }
}

/** Runs a shell line in which `attestry` is the built command line. */
export async function shell(line: string, options: CliOptions): Promise<CliResult> {
  const prelude = `attestry() { "${process.execPath}" "${cliPath}" "$@"; }\n`
  return finish('/bin/sh', ['-c', prelude + line], options)
}

async function finish(
  command: string,
  args: readonly string[],
  options: CliOptions,
): Promise<CliResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...environment, ...options.env },
    timeout: CHILD_MS_MAX,
  })
  child.stdin.on('error', () => undefined) // the child may not want its input
  child.stdin.end(options.stdin)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return resultOf(status, Buffer.concat(stdout), Buffer.concat(stderr))
}

function resultOf(status: number | null, stdout: Uint8Array, stderr: Uint8Array): CliResult {
  return {
    status,
    stdout: Buffer.from(stdout).toString(),
    stdoutBytes: new Uint8Array(stdout),
    stderr: Buffer.from(stderr).toString(),
  }
}

/** A server that is a child process. */
export interface RunningServer {
  readonly url: string
  /** What it has printed so far. */
  readonly output: () => string
  /** The exit status, once it has ended by itself. */
  readonly ended: Promise<number | null>
  /** Sends SIGTERM and waits for the end; the exit status. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
}

/** Starts a command that serves, and waits until it says where. */
export async function startServer(
  args: readonly string[],
  options: CliOptions,
): Promise<RunningServer> {
  const child = spawn(process.execPath, [cliPath, ...args], {
    cwd: options.cwd,
    env: { ...environment, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: SERVER_MS_MAX,
  })
  let output = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output)
      if (found !== null && output.includes('listening')) resolve(found[0])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void ended.then(() => {
      reject(new Error(`the server ended early: ${output}`))
    })
  })
  return { url, output: () => output, ended, stop: (signal) => stop(child, ended, signal) }
}

async function stop(
  child: ChildProcess,
  ended: Promise<number | null>,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<number | null> {
  child.kill(signal)
  return ended
}

/** An empty folder outside the project, and how to remove it. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'attestry-cli-'))
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true })
    },
  }
}
