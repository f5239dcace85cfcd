/** `attestry serve`: runs a registry until it is told to stop. */
import { Option } from 'commander'
import type { Command } from 'commander'
import type { RegistryConfig } from '../app/config.ts'
import { optionName, SERVE_KEYS, SERVE_OPTIONS } from '../app/config-options.ts'
import { gatherConfig } from '../app/config-sources.ts'
import { describeConfig, printConfig } from '../app/print-config.ts'
import type { PrintedOption } from '../app/print-config.ts'
import type { ServeFlags, ServeKey } from '../app/serve-values.ts'
import type { RunningRegistry } from '../app/start.ts'
import { StartError } from '../errors.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { collect } from './option-values.ts'
import { print, printJson, printLogLine } from './terminal.ts'
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

Every option can also stand in the file of --config under its name, and in the environment as
ATTESTRY_ and its name in capitals; flags win over the environment, and that over the file
(docs/configuration.md).

Examples:
  $ attestry serve --data ./data --port 8080
  $ attestry serve --config /etc/attestry/attestry.yaml --print-config
`

/** How long what is left may take before the process ends anyway. */
const LINGER_MS = 2000

export function addServe(program: Command): void {
  const command = addCommand(program, 'serve', { description: 'run a registry', help: HELP })
    .option('--config <file>', 'configuration file, YAML or JSON (or ATTESTRY_CONFIG)')
    .option('--print-config', 'print what would be used and where it comes from, and end')
  for (const key of SERVE_KEYS) command.addOption(commanderOption(key))
  command.action(run(serve))
}

/** Values are read by `app/config.ts`, together with those of the file and the environment. */
function commanderOption(key: ServeKey): Option {
  const { group, help, placeholder, isList, usual, usualText } = SERVE_OPTIONS[key]
  const text = usualText ?? (usual === undefined || isList === true ? undefined : String(usual))
  const flags = `--${optionName(key)}${placeholder === undefined ? '' : ` <${placeholder}>`}`
  const isToggle = placeholder === undefined
  const shown = isToggle || text === undefined ? help : `${help} (default: ${text})`
  const option = new Option(flags, shown).helpGroup(`${group}:`)
  return isList === true ? option.argParser(collect) : option
}

interface ServeOptions extends CommonOptions, ServeFlags {
  readonly config?: string
  readonly printConfig?: boolean
}

async function serve(options: ServeOptions): Promise<Report | undefined> {
  const signalled = untilSignal()
  const given = gatherConfig({
    flags: flagsOf(options),
    file: options.config,
    environment: process.env,
  })
  // Loaded here, so that `--help` does not wait for Express and SQLite.
  const { configFrom } = await import('../app/config.ts')
  const { createEventLog } = await import('../app/logging.ts')
  const report = createEventLog(printLogLine)
  const config = readOrRefuse(() => configFrom(given, { report }))
  if (options.printConfig === true) return reportConfig(describeConfig(given))
  const { startRegistry } = await import('../app/start.ts')
  const registry = await startRegistry(config)
  // Without TLS it keeps its usual meaning: the terminal is gone.
  if (registry.reload !== undefined) process.on('SIGHUP', () => void registry.reload?.())
  announce(registry.url, options.json === true)
  await serveUntil(registry, signalled)
  return undefined
}

/** Commander names an option after its flag; a table that says otherwise is asked. */
function flagsOf(options: ServeOptions): ServeFlags {
  const byName = options as Readonly<Record<string, unknown>>
  const given = SERVE_KEYS.map((key) => [key, byName[commanderOption(key).attributeName()]])
  return Object.fromEntries(given) as ServeFlags
}

/** A configuration that cannot be read is a wrong command line. */
function readOrRefuse(read: () => RegistryConfig): RegistryConfig {
  try {
    return read()
  } catch (error) {
    if (error instanceof StartError) throw new CliError('ERR_USAGE', error.message)
    throw error
  }
}

function reportConfig(options: readonly PrintedOption[]): Report {
  return { json: { options }, lines: printConfig(options) }
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
