/** `attestry witness`: cosigns the checkpoints of other logs, as long as they only ever grow. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { CommonOptions } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { collect, parsePort } from './option-values.ts'
import { print, printJson, printLogLine } from './terminal.ts'
import { untilSignal } from './until-signal.ts'

const HELP = `
Prints its address and its verifier key when it is ready. The line "witness NAME VKEY URL" goes
into the tlog-policy files of the logs' operators and clients (docs/witnessing.md).

Never restore --data from a backup and never delete it: the records in it are what this
witness is for. Events go to standard error, one JSON object a line.

Example:
  $ attestry keygen --alg EdDSA --out witness.pem
  $ attestry witness --data ./witness --key witness.pem --name witness.example.org \\
      --log log.example.org/2026+c9d8bd6b+AX…
`

interface WitnessOptions extends CommonOptions {
  readonly data: string
  readonly key: string
  readonly name: string
  readonly log: readonly string[]
  readonly host: string
  readonly port: number
}

export function addWitness(program: Command): void {
  addCommand(program, 'witness', { description: 'run a witness for other logs', help: HELP })
    .requiredOption('--data <dir>', 'directory of its records; made at the first start')
    .requiredOption('--key <key.pem>', 'its Ed25519 key, used for nothing else')
    .requiredOption('--name <name>', 'its name in notes, usually its URL without the scheme')
    .requiredOption('--log <vkey[=origin]>', 'a log to cosign for (repeatable)', collect)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 for any free one', parsePort, 8090)
    .action(run(witness))
}

async function witness(options: WitnessOptions): Promise<undefined> {
  const signalled = untilSignal()
  const { createEventLog } = await import('../app/logging.ts')
  const { startWitness } = await import('../app/start-witness.ts')
  const running = await startWitness({
    data: options.data,
    keyPath: options.key,
    name: options.name,
    logs: options.log,
    host: options.host,
    port: options.port,
    report: createEventLog(printLogLine),
  })
  const { url, vkey, origins } = running
  if (options.json === true) printJson({ listening: url, vkey, origins })
  else print([`listening on ${url}`, `verifier key ${vkey}`])
  await Promise.race([signalled, running.closed])
  await running.close()
  process.exitCode = (await running.closed) === undefined ? EXIT.ok : EXIT.failed
}
