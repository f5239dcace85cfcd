/** `attestry serve`: runs a registry until it is told to stop. */
import type { Command } from 'commander'
import type { ServeFlags, ServiceEvent } from '../app/config.ts'
import type { RunningRegistry } from '../app/start.ts'
import { addCommand, run } from './command.ts'
import type { CommonOptions } from './command.ts'
import { escapeJson } from './escape.ts'
import { EXIT } from './exit-codes.ts'
import { collect, parsePort, parsePositiveNumber } from './option-values.ts'
import { print, printJson } from './terminal.ts'
import { untilSignal } from './until-signal.ts'

const HELP = `
Prints its address on standard output when it is ready; events go to standard error, one
JSON object a line. SIGTERM or SIGINT stops it after the requests in flight are answered.
Clients on this machine are not rate limited unless --rate-per-client is given.

Witnesses are asked in the background and delay no Receipt, unless --require-witness is given:
then a Receipt is given once a quorum has cosigned, and 202 before. A witness that has seen more
of this log than this copy of it has stops the registry (docs/witnessing.md).

With --receipt-key the receipt key stays in an HSM (docs/operating.md): a URI like
'pkcs11:token=T;object=KEY?module-path=/usr/lib/LIBRARY.so&pin-source=file:/etc/pin'.

Example:
  $ attestry serve --data ./data --port 8080
`

/** How long what is left may take before the process ends anyway. */
const LINGER_MS = 2000

export function addServe(program: Command): void {
  addCommand(program, 'serve', { description: 'run a registry', help: HELP })
    .requiredOption('--data <dir>', 'data directory, made by `attestry init`')
    .option('--guard <path>', 'guard of the log (default: DIR.guard beside DIR)')
    .option('--receipt-key <uri>', 'PKCS #11 URI of the receipt key, when a token holds it')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 for any free one', parsePort, 8080)
    .option('--rate-per-client <n>', 'registrations a second from one client', parsePositiveNumber)
    .option('--rate-total <n>', 'registrations a second from all clients', parsePositiveNumber)
    .option('--trust-proxy', 'take the client from X-Forwarded-For, which a proxy must set')
    .option('--witness-policy <file>', 'tlog-policy file: witnesses that cosign the checkpoints')
    .option('--witness-interval-ms <ms>', 'least time between two requests to a witness')
    .option('--auth <mode>', 'tokens of submitters: optional or required', 'optional')
    .option('--oidc-jwks <issuer=file>', 'key set of an OIDC provider of the policy', collect)
    .option('--index <on|off>', 'whether to keep an index and answer look-ups', 'on')
    .option('--payload-bytes-max <n>', 'largest payload that is stored; 0 stores none')
    .option('--journal-interval-ms <ms>', 'longest wait of an entry for the registration journal')
    .option('--require-witness', 'release nothing that the quorum of the policy has not cosigned')
    .action(run(serve))
}

async function serve(options: ServeFlags & CommonOptions): Promise<undefined> {
  const signalled = untilSignal()
  // Loaded here, so that `verify` and the like do not wait for Express and SQLite.
  const { readConfig } = await import('../app/config.ts')
  const { startRegistry } = await import('../app/start.ts')
  const registry = await startRegistry(readConfig(options, { report: reportEvent }))
  announce(registry.url, options.json === true)
  await serveUntil(registry, signalled)
}

/** Says where the registry listens; scripts wait for this line. */
export function announce(url: string, json: boolean): void {
  if (json) printJson({ listening: url })
  else print([`listening on ${url}`])
}

/** Serves until the signal, or until the registry ended by itself, which is a failure. */
export async function serveUntil(
  registry: RunningRegistry,
  signalled: Promise<unknown>,
): Promise<void> {
  await Promise.race([signalled, registry.closed])
  await registry.close()
  const end = await registry.closed
  process.exitCode = end.kind === 'fatal' ? EXIT.failed : EXIT.ok
  // Idle connections of clients must not keep a registry that has ended.
  setTimeout(() => process.exit(), LINGER_MS).unref()
}

function reportEvent(event: ServiceEvent): void {
  process.stderr.write(`${escapeJson(event)}\n`)
}
