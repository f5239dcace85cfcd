/**
 * Runs command lines one after the other in one process, each as `node dist/cli/main.js` would: with a
 * working folder, an environment and standard streams of its own, ended when nothing is left to wait for.
 * A command then costs its work, without the start of Node and the loading of what it imports.
 */
import { tmpdir } from 'node:os'
import { Readable, Writable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

/** @typedef {{ readonly args: string[], readonly cwd: string, readonly stdin: Uint8Array | string, readonly env: NodeJS.ProcessEnv }} Command */

const cli = /** @type {string} */ (process.argv[2])
/** Where Node keeps the connections of `fetch`. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1')
let commands = 0

/** What keeps a process alive; the channel to the tests is there from the first message on. */
const active = () => process.getActiveResourcesInfo().length
let idle = 0
const status = () => process.exitCode ?? 0

/** @param {'stdout' | 'stderr'} name */
function capture(name) {
  /** @type {Buffer[]} */
  const chunks = []
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(chunk)
      done()
    },
  })
  Object.defineProperty(process, name, { value: stream, configurable: true })
  return () => Buffer.concat(chunks)
}

/** Connections end with the command that opened them. */
async function disconnect() {
  /** @type {Record<symbol, any>} */
  const globals = globalThis
  const dispatcher = globals[DISPATCHER]
  if (dispatcher === undefined) return
  globals[DISPATCHER] = new dispatcher.constructor()
  await dispatcher.close()
}

/** @param {Command} command */
async function run({ args, cwd, stdin, env }) {
  process.chdir(cwd)
  process.env = env
  process.argv = [process.execPath, cli, ...args]
  process.exitCode = undefined
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(stdin)]), configurable: true }) // prettier-ignore
  const [stdout, stderr] = [capture('stdout'), capture('stderr')]
  // Another query is another module: it runs again, on what it imported before.
  await import(`${pathToFileURL(cli).href}?${++commands}`)
  while (active() > idle) await wait(1)
  await disconnect()
  process.chdir(tmpdir())
  return { status: status(), stdout: stdout(), stderr: stderr() }
}

process.on('message', (/** @type {Command} */ command) => {
  idle ||= active()
  void run(command).then((result) => process.send?.(result))
})
// Whatever a command left behind: without the tests there is nobody to run for.
process.on('disconnect', () => process.exit())
