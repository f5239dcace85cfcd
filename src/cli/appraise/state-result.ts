/**
 * An appraisal as a statement of whoever appraised: an EAR, signed, written, and registered where that is
 * wanted. Nothing is stated that could not be told: a result about collateral would read as one about
 * evidence.
 */
import { EAR_MEDIA_TYPE, signEar } from '../../payload/tee/ear-result.ts'
import type { Reappraisal } from '../../payload/tee/reappraise.ts'
import { signFittingStatement } from '../../statement/sign-fitting-statement.ts'
import { readToken } from '../bearer-token.ts'
import { CliError } from '../cli-error.ts'
import type { CommonOptions } from '../command.ts'
import { readInput, writeOutput } from '../files.ts'
import { loadKeyFile } from '../keygen.ts'
import { registerAndVerify } from '../verified-registration.ts'
import type { VerifiedRegistration } from '../verified-registration.ts'
import { fields, formatNumber } from '../terminal.ts'
import type { Line } from '../terminal.ts'
import { readTrustFile } from '../trust-file.ts'
import { readVersion } from '../version.ts'
import { namedInformation } from './appraise-report.ts'
import type { Appraised } from './appraised.ts'

export interface ResultOptions extends CommonOptions {
  readonly key?: string
  readonly issuer?: string
  readonly subject?: string
  readonly register?: boolean
  readonly tokenFile?: string
  readonly output?: string
  readonly url?: string
  readonly trust?: string
  readonly policy?: string
  readonly reference?: readonly string[]
}

/** What became of the statement. */
export interface StatedResult {
  readonly json: Readonly<Record<string, unknown>>
  readonly lines: readonly Line[]
}

/** @throws CliError `ERR_USAGE` for options that do not go together. */
export function assertResultOptions(options: ResultOptions): void {
  const { key, issuer, subject, register, output, url } = options
  const refuse = (message: string): never => {
    throw new CliError('ERR_USAGE', message)
  }
  if (key === undefined) {
    if (
      issuer !== undefined ||
      subject !== undefined ||
      register === true ||
      output !== undefined
    ) {
      refuse('a result is signed by somebody: add --key KEY and --issuer ISS')
    }
    return
  }
  if (issuer === undefined) refuse('--key needs --issuer ISS: who appraised')
  if (register !== true && output === undefined) refuse('say where the result goes: -o FILE or --register') // prettier-ignore
  if (register === true && url === undefined) refuse('--register needs --url URL')
}

/** Signs, writes and registers the result, as the options say; `undefined` where they do not. */
export async function stateResult(
  appraised: Appraised,
  result: Reappraisal,
  options: ResultOptions,
): Promise<StatedResult | undefined> {
  if (options.key === undefined || options.issuer === undefined) return undefined
  if (result.verdict === 'cannot-tell') {
    const text = 'nothing is signed: what cannot be told is no result'
    return { json: { output: null, entryId: null }, lines: [{ text, tone: 'warn' }] }
  }
  const bytes = await signResult(appraised, result, options)
  const registered = options.register === true ? await registerResult(bytes, options) : undefined
  if (options.output !== undefined) {
    await writeOutput(options.output, registered?.transparentStatement ?? bytes)
  }
  return describeStated(registered, options)
}

async function signResult(
  { statement }: Appraised,
  result: Reappraisal,
  options: ResultOptions,
): Promise<Uint8Array> {
  const { key = '', issuer = '' } = options
  const subject = options.subject ?? statement?.headers.subject
  if (subject === undefined) throw new CliError('ERR_USAGE', 'say what the result is about: --subject SUB') // prettier-ignore
  const signer = await loadKeyFile(key)
  const issuedAt = Math.floor(Date.now() / 1000)
  const used = [...(options.policy === undefined ? [] : [options.policy]), ...(options.reference ?? [])] // prettier-ignore
  const policyIds: string[] = []
  for (const path of used) policyIds.push(namedInformation(await readInput(path)))
  const build = `attestry ${readVersion()}`
  const payload = await signEar({ result, issuer, issuedAt, build, policyIds, signer })
  const contentType = EAR_MEDIA_TYPE
  const request = { payload, issuer, subject, contentType, signer, issuedAt }
  return (await signFittingStatement(request)).bytes
}

async function registerResult(
  statementBytes: Uint8Array,
  { url = '', trust, tokenFile }: ResultOptions,
): Promise<VerifiedRegistration> {
  return registerAndVerify({
    url,
    statementBytes,
    trust: trust === undefined ? undefined : await readTrustFile(trust),
    token: await readToken(tokenFile),
  })
}

function describeStated(
  registered: VerifiedRegistration | undefined,
  { output }: ResultOptions,
): StatedResult {
  const leafIndex = registered?.statement.leafIndex
  return {
    json: {
      output: output ?? null,
      entryId: registered?.entryId ?? null,
      leafIndex: leafIndex ?? null,
    },
    lines: fields([
      ['result', registered === undefined ? 'signed' : `registered as entry ${registered.entryId}`],
      ['at index', leafIndex === undefined ? undefined : formatNumber(leafIndex)],
      ['written', output === '-' ? undefined : output],
    ]),
  }
}
