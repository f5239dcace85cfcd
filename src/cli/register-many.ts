/**
 * `attestry register` of several files: in batches, with a result for each. A statement counts as
 * registered only when its Receipt verifies; one that is refused does not keep the others out.
 */
import { basename, join } from 'node:path'
import { makeDirectory } from '../app/make-directory.ts'
import { BatchClient } from '../client/batch-client.ts'
import type { BatchResult } from '../client/batch-client.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { TrustPolicy } from '../verify/index.ts'
import { bearerFetch, readToken } from './bearer-token.ts'
import { CliError } from './cli-error.ts'
import { errorJson } from './command.ts'
import type { Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { parseFile, readInput, writeOutput } from './files.ts'
import { Progress } from './progress.ts'
import { formatNumber } from './terminal.ts'
import type { Line } from './terminal.ts'
import { readTrustFile } from './trust-file.ts'
import { trustOfService, verifyRegistration } from './verified-registration.ts'

/** Failures that are shown by name; the rest are counted, and in `--json`. */
const SHOWN_MAX = 20

/** Options of the command, of one file and of many. */
export interface RegisterOptions {
  readonly url: string
  readonly output?: string
  readonly trust?: string
  readonly tokenFile?: string
  readonly payload?: string
  readonly json?: boolean
}

interface ReadFile {
  readonly file: string
  readonly bytes: Uint8Array
}

type Outcome = Readonly<Record<string, unknown>> & { readonly file: string }

export async function registerMany(
  files: readonly string[],
  options: RegisterOptions,
): Promise<Report> {
  assertForMany(files, options)
  const read = await readFiles(files)
  const token = await readToken(options.tokenFile)
  let trust = options.trust === undefined ? undefined : await readTrustFile(options.trust)
  if (options.output !== undefined) makeDirectory(options.output)
  const { url } = options
  const client = new BatchClient(token === undefined ? { url } : { url, fetch: bearerFetch(token) })
  const progress = new Progress('registering', { quiet: options.json === true })
  const outcomes: Outcome[] = []
  try {
    for await (const result of client.register(read.map(({ bytes }) => bytes))) {
      const statement = read[outcomes.length]!
      if (result.kind === 'registered') {
        trust ??= await trustOfService(url, result.registration.receipt)
      }
      outcomes.push(await finish(statement, result, { trust, output: options.output }))
      progress.update(outcomes.length, read.length)
    }
  } finally {
    progress.end()
  }
  return report(outcomes, options)
}

/** @throws CliError `ERR_USAGE`. */
function assertForMany(files: readonly string[], { payload, output }: RegisterOptions): void {
  if (payload !== undefined) {
    throw new CliError('ERR_USAGE', '--payload is the content of one statement', {
      hint: 'register that file alone, or use `attestry payload put`',
    })
  }
  if (files.includes('-') || output === '-') {
    throw new CliError('ERR_USAGE', '- stands for one statement, and several files are named')
  }
  const names = new Set(files.map(outputName))
  if (output !== undefined && names.size < files.length) {
    throw new CliError('ERR_USAGE', 'two of the files would be written under the same name')
  }
}

/** Everything is read, and refused if it is no statement, before anything goes over the network. */
async function readFiles(files: readonly string[]): Promise<readonly ReadFile[]> {
  const read: ReadFile[] = []
  for (const file of files) {
    const bytes = await readInput(file)
    parseFile(file, () => parseSignedStatement(bytes))
    read.push({ file, bytes })
  }
  return read
}

interface Finishing {
  /** Set once there is a Receipt. */
  readonly trust: TrustPolicy | undefined
  readonly output: string | undefined
}

async function finish(
  { file, bytes }: ReadFile,
  result: BatchResult,
  { trust, output }: Finishing,
): Promise<Outcome> {
  if (result.kind === 'failed') return { file, error: errorJson(result.error) }
  const { entryId, location, receipt } = result.registration
  try {
    const { statement, transparentStatement } = await verifyRegistration(bytes, receipt, trust!)
    const path = output === undefined ? undefined : join(output, outputName(file))
    if (path !== undefined) await writeOutput(path, transparentStatement)
    const { leafIndex, registrationTime } = statement
    return {
      ...{ file, entryId, location, output: path ?? null },
      leafIndex: leafIndex ?? null,
      registrationTime: registrationTime ?? null,
    }
  } catch (error) {
    return { file, error: errorJson(error) }
  }
}

/** `a/b.cose` becomes `b.transparent.cose`. */
function outputName(file: string): string {
  return `${basename(file).replace(/\.cose$/, '')}.transparent.cose`
}

function report(outcomes: readonly Outcome[], options: RegisterOptions): Report {
  const failed = outcomes.filter((outcome) => 'error' in outcome)
  const registered = outcomes.length - failed.length
  const keys = options.trust ?? 'the keys that the service presents'
  const lines: Line[] = [
    {
      text: `${formatNumber(registered)} of ${formatNumber(outcomes.length)} registered, Receipts verified with ${keys}`,
      tone: failed.length === 0 ? 'good' : 'bad',
    },
    ...failed.slice(0, SHOWN_MAX).map(({ file, error }): Line => {
      const { code, message } = error as { code: string; message: string }
      return { text: `${file}: ${message} (${code})`, tone: 'bad' }
    }),
  ]
  if (failed.length > SHOWN_MAX) {
    lines.push(`and ${formatNumber(failed.length - SHOWN_MAX)} more: --json names them all`)
  }
  if (options.output !== undefined) lines.push(`written to ${options.output}`)
  return {
    exitCode: failed.length === 0 ? EXIT.ok : EXIT.failed,
    json: { registered, failed: failed.length, results: outcomes },
    lines,
  }
}
