/**
 * `attestry attest nonce`: the bytes that an agent asks its hardware to attest, so that a key, a payload
 * or a build is bound to it, and a checkpoint of the log dates it without a nonce server (docs/tee.md).
 */
import type { Command } from 'commander'
import { Argument } from 'commander'
import { encodeHex } from '../../bytes/hex.ts'
import { openCheckpoint } from '../../monitor/open-checkpoint.ts'
import { parseCheckpoint } from '../../note/checkpoint.ts'
import type { SignedCheckpoint } from '../../note/checkpoint.ts'
import type { BindingType } from '../../payload/tee/bindings.ts'
import { bindingDigest, makeReportData } from '../../payload/tee/report-data.ts'
import type { ReportDataRequest } from '../../payload/tee/report-data.ts'
import { CliError } from '../cli-error.ts'
import { addCommand, run } from '../command.ts'
import type { CommonOptions, Report } from '../command.ts'
import { PAYLOAD_BYTES_MAX, readInput, writeOutput } from '../files.ts'
import { openLogAccess } from '../log-access.ts'
import { collect, parseUrl } from '../option-values.ts'
import { assertOneOutput } from '../outputs.ts'
import { formatNumber } from '../terminal.ts'
import { addBindOptions, assertUsed, BINDING_TYPES, demand, readBoundKey } from './bind-options.ts'
import type { BindOptions } from './bind-options.ts'
import { attestExitCode } from './input-mistakes.ts'
import { assertLogNamed, findNonceLog, parseCheckpointFile } from './log-reference.ts'
import type { LogReferenceOptions } from './log-reference.ts'

const HELP = `
Prints 64 bytes of report data in hex, or writes them raw with -o:

  key         SHA-256 of --bound-key (RFC 9679), then of the checkpoint, or zeros
  payload     SHA-256 of --payload, then of the checkpoint, or zeros
  checkpoint  32 zeros, then SHA-256 of the checkpoint
  build       SHA-512 over --build-id, --bound-key and the checkpoint

--digest gives the digest alone, for fields of any length (a TPM's extra data, Nitro's nonce).
With --url the current checkpoint is fetched and verified with the keys of --trust; keep it with
--checkpoint-out, since the evidence is registered together with it. A checkpoint from a file is
verified when --log-key names the key.

Examples:
  $ attestry attest nonce key --bound-key agent.pub.cbor
  $ attestry attest nonce build --build-id "$RUN" --bound-key agent.pub.cbor \\
      --url https://log.example.org --trust trust.json --checkpoint-out note -o report-data.bin
`

interface NonceOptions extends CommonOptions, BindOptions, LogReferenceOptions {
  readonly checkpointOut?: string
  readonly digest?: boolean
  readonly output?: string
}

export function addAttestNonce(attest: Command): void {
  const description = 'make the bytes to ask the hardware to attest'
  const command = addCommand(attest, 'nonce', { description, help: HELP }).addArgument(
    new Argument('TYPE', 'what is bound').choices([...BINDING_TYPES]),
  )
  addBindOptions(command)
    .option('--url <url>', 'the log whose current checkpoint is taken', parseUrl)
    .option('--trust <trust>', 'trust file that pins the log')
    .option('--log-key <vkey>', 'key of its checkpoints (repeatable)', collect)
    .option('--checkpoint-out <note>', 'where to write the checkpoint of --url')
    .option('--digest', 'the digest alone, without what fills 64 bytes up')
    .option('-o, --output <file>', 'write the bytes raw, - for standard output')
    .action(run(nonce, attestExitCode))
}

async function nonce(type: BindingType, options: NonceOptions): Promise<Report> {
  assertOneOutput(options)
  assertUsed(options, type)
  const note = await readNote(type, options)
  const request = await readRequest(type, options, note)
  const checkpoint = note === undefined ? undefined : await checkNote(note, options)
  const bytes = options.digest === true ? bindingDigest(request) : makeReportData(request)
  if (note !== undefined && options.checkpointOut !== undefined) {
    await writeOutput(options.checkpointOut, note)
  }
  if (options.output !== undefined) await writeOutput(options.output, bytes)
  const hex = encodeHex(bytes)
  return {
    json: {
      type,
      reportData: hex,
      bytes: bytes.length,
      checkpoint:
        checkpoint === undefined
          ? null
          : { origin: checkpoint.origin, treeSize: Number(checkpoint.treeSize) },
      output: options.output ?? null,
    },
    lines: linesOf(hex, bytes.length, { output: options.output, treeSize: checkpoint?.treeSize }),
    outputIsBytes: options.output === '-',
  }
}

interface Written {
  readonly output: string | undefined
  readonly treeSize: bigint | undefined
}

/** Hex alone on its line, for $(…); what was written is not printed again. */
function linesOf(hex: string, length: number, { output, treeSize }: Written): string[] {
  if (output === undefined) return [hex]
  if (output === '-') return []
  const after =
    treeSize === undefined ? '' : `, after the checkpoint of size ${formatNumber(treeSize)}`
  return [`written ${length} bytes to ${output}${after}`]
}

/** The checkpoint, from a file or from the log, where there is one. */
async function readNote(type: BindingType, options: NonceOptions): Promise<Uint8Array | undefined> {
  const { url, trust, logKey, checkpoint, checkpointOut } = options
  if (checkpoint !== undefined && url !== undefined) {
    throw new CliError('ERR_USAGE', 'one checkpoint: --checkpoint NOTE or --url URL')
  }
  if (url !== undefined) {
    if (checkpointOut === undefined) {
      throw new CliError('ERR_USAGE', 'the checkpoint has to be kept: add --checkpoint-out NOTE')
    }
    assertLogNamed(options)
    const access = await openLogAccess(url, { ...(trust === undefined ? {} : { trust }), ...(logKey === undefined ? {} : { logKey }) }) // prettier-ignore
    return (await openCheckpoint({ ...access, ...access.known })).bytes
  }
  if (checkpoint === undefined) {
    if (type === 'checkpoint' || type === 'build') {
      throw new CliError('ERR_USAGE', `a binding of type ${type} needs --checkpoint NOTE or --url URL`) // prettier-ignore
    }
    return undefined
  }
  return readInput(checkpoint)
}

/** What is wrong with a file is told once nothing is missing on the command line. */
async function checkNote(note: Uint8Array, options: NonceOptions): Promise<SignedCheckpoint> {
  const { checkpoint: path, logKey } = options
  if (path === undefined) return parseCheckpoint(note)
  const checkpoint = parseCheckpointFile(path, note)
  if (logKey !== undefined) await findNonceLog(note, options, undefined)
  return checkpoint
}

async function readRequest(
  type: BindingType,
  options: NonceOptions,
  note: Uint8Array | undefined,
): Promise<ReportDataRequest> {
  const noted = note === undefined ? {} : { note }
  const key = async (): Promise<Awaited<ReturnType<typeof readBoundKey>>> =>
    readBoundKey(demand(options.boundKey, '--bound-key FILE', type))
  switch (type) {
    case 'key':
      return { type, key: await key(), ...noted }
    case 'payload': {
      const path = demand(options.payload, '--payload FILE', type)
      return { type, payload: await readInput(path, PAYLOAD_BYTES_MAX), ...noted }
    }
    case 'checkpoint':
      return { type, note: note! }
    case 'build':
      return { type, buildId: demand(options.buildId, '--build-id ID', type), key: await key(), note: note! } // prettier-ignore
  }
}
