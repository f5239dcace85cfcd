#!/usr/bin/env node
/**
 * `attestry`, the command line. This file wires commands and turns what is wrong with a command line
 * into exit status 4; what a command does is in its own file.
 */
import { Command, CommanderError } from 'commander'
import { CliError } from './cli-error.ts'
import { HELP_FORM, reportError } from './command.ts'
import { COMMANDS } from './commands.ts'
import type { CommandEntry } from './commands.ts'
import { EXIT } from './exit-codes.ts'
import { fileError } from './files.ts'
import { guardOutputs } from './terminal.ts'
import { readVersion } from './version.ts'

const HELP = `
Exit status: 0 done, 1 failed, 4 wrong command line; verify and appraise also 2 refused by policy
and 3 cannot tell, query --verify 3; audit, mirror and monitor 10 and above for faults of a log.
ATTESTRY_DEBUG=1 prints stack traces. NO_COLOR turns colour off.

Start here:
  $ attestry quickstart
`

/** The one that is named; all of them for the help, and for a name that is none; none for the version. */
function commandsOf(argv: readonly string[]): readonly CommandEntry[] {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) return []
  const named = argv.find((word) => !word.startsWith('-'))
  const found = COMMANDS.filter(({ name }) => name === named)
  return found.length === 0 ? COMMANDS : found
}

async function buildProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('attestry')
    .description('A transparency log for supply-chain evidence: register, prove, verify offline.')
    .version(readVersion())
    .addHelpText('after', HELP.trimEnd())
    .configureHelp(HELP_FORM)
    .exitOverride()
    .showHelpAfterError(false)
    // Errors of the command line are printed by us, like every other error.
    .configureOutput({ outputError: () => undefined })
  for (const { add } of commandsOf(argv)) await add(program)
  return program
}

/** The command that was called, as far as there is one: `attestry trust fetch`. */
function nameOf(program: Command | undefined, argv: readonly string[]): string {
  let command = program
  const names = ['attestry']
  for (const word of argv) {
    command = command?.commands.find((one) => one.name() === word)
    if (command === undefined) break
    names.push(word)
  }
  return names.join(' ')
}

/** In one line; our parsers say what they expect within commander's sentence. */
function messageOf({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/( is invalid| for argument '\w+')\. (?=[a-z])/, '$1: ')
}

function isHelpOrVersion(error: CommanderError): boolean {
  return error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
}

async function main(argv: readonly string[]): Promise<void> {
  guardOutputs((cause) => {
    reportError(fileError('standard output', cause), false)
    process.exit(EXIT.usage)
  })
  let program: Command | undefined
  try {
    program = await buildProgram(argv)
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      if (isHelpOrVersion(error)) return
      process.exitCode = EXIT.usage
      if (error.code === 'commander.help') return // `attestry` alone: the help was printed
      const usage = new CliError('ERR_USAGE', messageOf(error), {
        hint: `${nameOf(program, argv)} --help`,
      })
      reportError(usage, argv.includes('--json'))
      return
    }
    process.exitCode = EXIT.failed
    reportError(error, argv.includes('--json'))
  }
}

await main(process.argv.slice(2))
