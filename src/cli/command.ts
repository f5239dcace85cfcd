/**
 * What all commands share: `--json`, one report at the end, errors as a message with a code and a
 * hint, exit statuses. A command's own file only says what it does.
 */
import { Command, CommanderError, Help } from 'commander'
import type { HelpConfiguration } from 'commander'
import { AttestryError, PayloadError, PolicyError } from '../errors.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import { namingFile } from './files.ts'
import type { ExitCode } from './exit-codes.ts'
import { hintFor } from './hints.ts'
import { print, printError, printJson } from './terminal.ts'
import type { Line } from './terminal.ts'

/** What a command says when it is done. */
export interface Report {
  /** The whole answer for programs. */
  readonly json: Readonly<Record<string, unknown>>
  /** The same for people. */
  readonly lines: readonly Line[]
  readonly exitCode?: ExitCode
  /** True when standard output carries the command's bytes, so that people read standard error. */
  readonly outputIsBytes?: boolean
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean
}

type Handler<Args extends unknown[]> = (...args: Args) => Promise<Report | undefined>

const plainHelp = new Help()

/** How the help of all commands is written; commander itself does not say what is required. */
export const HELP_FORM: HelpConfiguration = {
  optionDescription: (option) =>
    plainHelp.optionDescription(option) + (option.mandatory ? ' (required)' : ''),
}

/** Adds a subcommand with `--json`, a description and an example under its help. */
export function addCommand(
  parent: Command,
  usage: string,
  text: { readonly description: string; readonly help: string },
): Command {
  return parent
    .command(usage)
    .description(text.description)
    .option('--json', 'print one JSON object on standard output instead of text')
    .addHelpText('after', `\n${text.help.trim()}`)
}

/** Wraps a command's work: prints its report or its error, and sets the exit status. */
export function run<Args extends unknown[]>(
  handler: Handler<Args>,
  exitCodeOf: (error: unknown) => ExitCode = defaultExitCode,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1)
    const json = command instanceof Command && command.opts<CommonOptions>().json === true
    try {
      const report = await handler(...args)
      if (report === undefined) return
      if (json) printJson(report.json)
      else if (report.outputIsBytes === true) printError(report.lines)
      else print(report.lines)
      process.exitCode = report.exitCode ?? EXIT.ok
    } catch (thrown) {
      if (thrown instanceof CommanderError) throw thrown
      const error = await namingFile(thrown)
      reportError(error, json)
      process.exitCode = exitCodeOf(error)
    }
  }
}

/** 4 for a wrong command line, 1 for everything else. */
export function defaultExitCode(error: unknown): ExitCode {
  return codeOf(error) === 'ERR_USAGE' ? EXIT.usage : EXIT.failed
}

/** The stable code of an error; an error nobody foresaw has `ERR_INTERNAL`. */
export function codeOf(error: unknown): string {
  if (error instanceof AttestryError) return (error as AttestryError).code
  return error instanceof CliError ? error.code : 'ERR_INTERNAL'
}

/** An error as members of a JSON object. */
export function errorJson(error: unknown): Record<string, unknown> {
  const hint = hintOf(error)
  const hasPointer = error instanceof PolicyError || error instanceof PayloadError
  const pointer = hasPointer ? error.pointer : undefined
  return {
    code: codeOf(error),
    message: messageOf(error),
    ...(error instanceof PolicyError ? { rule: error.rule } : {}),
    ...(error instanceof EvidenceError ? { reason: error.reason } : {}),
    ...(pointer === undefined ? {} : { pointer }),
    ...(hint === undefined ? {} : { hint }),
  }
}

/** Message, code and hint on standard error; with `--json` the same on standard output. */
export function reportError(error: unknown, json: boolean): void {
  if (json) printJson({ error: errorJson(error) })
  const hint = hintOf(error)
  const reason = error instanceof EvidenceError ? `, ${error.reason}` : ''
  printError([
    { text: `attestry: ${messageOf(error)} (${codeOf(error)}${reason})`, tone: 'bad' },
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ])
  // A stack trace is for us, not for the person who mistyped a path.
  if ((process.env['ATTESTRY_DEBUG'] ?? '') !== '') process.stderr.write(`${stackOf(error)}\n`)
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`
  return (error.stack ?? error.message) + cause
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof CliError) return error.hint
  return error instanceof AttestryError
    ? hintFor(error as AttestryError)
    : 'this is a bug in attestry; run again with ATTESTRY_DEBUG=1 and report what it prints'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
