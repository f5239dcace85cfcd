/** `attestry mirror`: keeps a verified copy of a log's static face, and serves it. */
import type { Command } from 'commander'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { encodeHex } from '../bytes/hex.ts'
import { LogDirectory } from '../app/log-directory.ts'
import { createStaticServer } from '../app/static-server.ts'
import { UnavailableError } from '../errors.ts'
import { encodePin, parsePin } from '../monitor/state-members.ts'
import { mirrorLog } from '../monitor/mirror-log.ts'
import type { MirrorReport } from '../monitor/mirror-log.ts'
import { CliError } from './cli-error.ts'
import { addCommand, reportError, run } from './command.ts'
import type { Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { orFault } from './fault-report.ts'
import { addLogAccess, openLogAccess } from './log-access.ts'
import type { LogAccessOptions } from './log-access.ts'
import { parseCount, parsePort } from './option-values.ts'
import { Progress } from './progress.ts'
import { announce } from './serve.ts'
import { fields, formatNumber } from './terminal.ts'
import { untilSignal } from './until-signal.ts'

const HELP = `
Copies what is new and checks it against the signed tree before it is written; the checkpoint is
written last. With --serve it goes on until SIGTERM: it serves the copy read-only, also when the
original is gone, and looks for news every --interval seconds. Without --from it only serves.
The copy can be served by any static web server, and audited like the log: attestry audit DIR.

Exit status: 0 done; 1 failed; 4 wrong command line; 10 and above as attestry audit.

Examples:
  $ attestry mirror --from https://log.example.org --out ./mirror --trust trust.json
  $ attestry mirror --from https://log.example.org --out ./mirror --serve --port 8081
  $ attestry mirror --out ./mirror --serve
`

/** What the copy knows its log by; nothing in it is secret. */
const PIN_FILE = 'mirror.json'
const PIN_BYTES_MAX = 1_048_576

interface MirrorCommandOptions extends LogAccessOptions {
  readonly from?: string
  readonly out: string
  readonly serve?: boolean
  readonly host: string
  readonly port: number
  readonly interval: number
  readonly json?: boolean
}

export function addMirror(program: Command): void {
  addLogAccess(
    addCommand(program, 'mirror', { description: 'keep a verified copy of a log', help: HELP }),
  )
    .option('--from <url|dir>', 'the log to copy')
    .requiredOption('--out <dir>', 'directory of the copy')
    .option('--serve', 'serve the copy, and keep it current')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 for any free one', parsePort, 8081)
    .option('--interval <seconds>', 'seconds between two looks at the log', parseCount, 10)
    .action(run(mirror))
}

async function mirror(options: MirrorCommandOptions): Promise<Report | undefined> {
  if (options.serve === true) return serve(options)
  const { from } = options
  if (from === undefined) throw new CliError('ERR_USAGE', 'give --from, or --serve, or both')
  return orFault(async () => describe(options, await update(from, options)), {
    name: from,
    json: { from, out: options.out },
  })
}

async function update(from: string, options: MirrorCommandOptions): Promise<MirrorReport> {
  const target = new LogDirectory(options.out)
  const pinned = await target.read(PIN_FILE, PIN_BYTES_MAX)
  const pin = pinned === undefined ? undefined : parsePin(pinned)
  const access = await openLogAccess(from, options, pin)
  const progress = new Progress('copying entries', { quiet: options.json === true })
  try {
    const report = await mirrorLog({
      ...access,
      target,
      onProgress: (done, treeSize) => {
        progress.update(done, treeSize)
      },
    })
    await target.write(PIN_FILE, encodePin(report.pin))
    return report
  } finally {
    progress.end()
  }
}

function describe({ out }: MirrorCommandOptions, { pin, head, from }: MirrorReport): Report {
  const added = head.treeSize - from
  return {
    json: {
      out,
      outcome: 'ok',
      origin: pin.origin,
      treeSize: head.treeSize,
      rootHash: encodeHex(head.rootHash),
      added,
    },
    lines: [
      { text: `${out}: a verified copy of ${pin.origin}`, tone: 'good' },
      ...fields([
        ['tree size', formatNumber(head.treeSize)],
        ['root hash', encodeHex(head.rootHash)],
        ['added', `${formatNumber(added)} entries`],
      ]),
    ],
  }
}

/** Serves until a signal; ends early, with its status, only for a fault of the log. */
async function serve(options: MirrorCommandOptions): Promise<Report | undefined> {
  const signalled = untilSignal()
  const server = createStaticServer(new LogDirectory(options.out))
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const { address, port, family } = server.address() as AddressInfo
  announce(`http://${family === 'IPv6' ? `[${address}]` : address}:${port}`, options.json === true)
  const ending = new AbortController()
  void signalled.then(() => {
    ending.abort()
  })
  try {
    return await keepCurrent(options, ending.signal)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

async function keepCurrent(
  options: MirrorCommandOptions,
  signal: AbortSignal,
): Promise<Report | undefined> {
  const { from, interval } = options
  while (!signal.aborted) {
    if (from !== undefined) {
      const report = await orFault(async () => updateOrWait(from, options), {
        name: from,
        json: { from, out: options.out },
      })
      // The copy stays good; what the log does now is not to be copied.
      if (report.exitCode !== EXIT.ok) return report
    }
    await wait(interval * 1000, undefined, { signal }).catch(() => undefined)
  }
  process.exitCode = EXIT.ok
  return undefined
}

/** A log that cannot be reached is what a copy is for. */
async function updateOrWait(from: string, options: MirrorCommandOptions): Promise<Report> {
  try {
    return { ...describe(options, await update(from, options)), exitCode: EXIT.ok }
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error
    reportError(error, false)
    return { json: {}, lines: [], exitCode: EXIT.ok }
  }
}
