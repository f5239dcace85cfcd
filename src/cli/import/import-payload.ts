/**
 * What all imports share: a payload is wrapped as it is, signed by the importer's own key, held against
 * the rules that a registry holds it against, registered, and the Receipt verified. The outer issuer is
 * whoever imports; who signed inside stays who they are (W1, statements.md §10).
 */
import { join } from 'node:path'
import type { Command } from 'commander'
import { makeDirectory } from '../../app/make-directory.ts'
import type { Signer } from '../../cose/signer.ts'
import { PayloadError, UnavailableError } from '../../errors.ts'
import { describeStatement } from '../../payload/describe-statement.ts'
import type { Description } from '../../payload/description.ts'
import { validatePayload } from '../../payload/validate-payload.ts'
import { payloadNameOf } from '../../statement/payload-name.ts'
import { signFittingStatement } from '../../statement/sign-fitting-statement.ts'
import type { FittingStatement } from '../../statement/sign-fitting-statement.ts'
import type { TrustPolicy } from '../../verify/index.ts'
import { readToken } from '../bearer-token.ts'
import type { CommonOptions } from '../command.ts'
import { fileError, writeOutput } from '../files.ts'
import { loadKeyFile } from '../keygen.ts'
import { parseText, parseUrl } from '../option-values.ts'
import type { StoredPayload } from '../payload-upload.ts'
import { registerWithContent } from '../verified-registration.ts'
import type { VerifiedRegistration } from '../verified-registration.ts'
import { readTrustFile } from '../trust-file.ts'

export interface ImportOptions extends CommonOptions {
  readonly key: string
  readonly issuer: string
  readonly url: string
  readonly subject?: string
  readonly trust?: string
  readonly tokenFile?: string
  readonly output?: string
}

/** Adds the options that say as whom, where to, and what becomes of it. */
export function addImportOptions(command: Command): Command {
  return command
    .requiredOption('--key <key.pem>', 'your private key file (PKCS#8, mode 0600)')
    .requiredOption('--issuer <iss>', 'you, who import this: a URI', parseText)
    .requiredOption('--url <url>', 'address of the registry', parseUrl)
    .option('--subject <sub>', 'what it is about; by default what the file says', parseText)
    .option('--trust <trust>', "trust file to verify the Receipt with, not the service's own keys")
    .option('--token-file <file>', 'bearer token; by default from ATTESTRY_TOKEN')
    .option('-o, --output <dir>', 'directory for the Transparent Statements, by entry id')
}

/** One payload to be registered. */
export interface ImportItem {
  /** How people are told about it: a file, and what in it. */
  readonly source: string
  readonly payload: Uint8Array
  readonly mediaType: string
  readonly subject: string
  /** Only a digest goes into the log. */
  readonly isHashed?: boolean
  /** How its inner signature was verified, for people. */
  readonly verified?: string
}

const NOT_TRIED = 'not tried, as the registry did not take the one before'

/** One payload that is registered. */
export interface ImportedItem extends ImportItem {
  readonly description: Description
  readonly registered: VerifiedRegistration
  readonly stored: StoredPayload | undefined
  readonly output: string | undefined
}

/** One payload that is not registered, or without its content; the error says which. */
export interface FailedItem {
  readonly source: string
  readonly error: unknown
}

export interface ImportOutcome {
  readonly imported: readonly ImportedItem[]
  readonly failed: readonly FailedItem[]
}

/**
 * Signs and registers payloads, after all of them were checked: nothing is registered of a file that
 * is broken further down. Of several, one that the registry refuses does not keep the others out, and
 * what is registered, for ever, is told in any case.
 * @throws PayloadError with the pointer of what a registry would refuse.
 * @throws PolicyError, InputError or UnavailableError of a single one, as the registry answered.
 */
export async function importPayloads(
  items: readonly ImportItem[],
  options: ImportOptions,
): Promise<ImportOutcome> {
  const signer = await loadKeyFile(options.key)
  const trust = options.trust === undefined ? undefined : await readTrustFile(options.trust)
  const token = await readToken(options.tokenFile)
  const signed = []
  for (const item of items) signed.push(await signItem(item, signer, options))
  const imported: ImportedItem[] = []
  const failed: FailedItem[] = []
  for (const one of signed) {
    try {
      // A registry that does not answer is not asked for each of the rest.
      const last = failed.at(-1)?.error
      if (last instanceof UnavailableError) throw new UnavailableError(last.code, NOT_TRIED)
      imported.push(await registerItem(one, { options, trust, token }))
    } catch (error) {
      if (items.length === 1) throw error
      failed.push({ source: one.item.source, error })
    }
  }
  return { imported, failed }
}

interface SignedItem extends FittingStatement {
  readonly item: ImportItem
  readonly description: Description
}

async function signItem(
  item: ImportItem,
  signer: Signer,
  options: ImportOptions,
): Promise<SignedItem> {
  const { payload, mediaType: contentType, isHashed = false } = item
  const signed = await signFittingStatement({
    payload,
    contentType,
    issuer: options.issuer,
    subject: options.subject ?? item.subject,
    signer,
    issuedAt: Math.floor(Date.now() / 1000),
    ...(isHashed ? { hash: 'SHA-256' as const } : {}),
  })
  const read = {
    statement: signed.statement,
    ...(signed.hash === undefined ? {} : { preimage: payload }),
  }
  naming(item.source, () => validatePayload(read))
  return { ...signed, item, description: describeStatement(read) }
}

/** Says which file, and where in it, when a payload is broken. */
export function naming<T>(source: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof PayloadError)) throw cause
    const { pointer, message } = cause
    const place = pointer === '' ? source : `${source}: ${pointer}`
    throw new PayloadError('ERR_PAYLOAD_MALFORMED', pointer, `${place}: ${message}`, { cause })
  }
}

async function writeStatement(
  entryId: string,
  transparentStatement: Uint8Array,
  directory: string | undefined,
): Promise<string | undefined> {
  if (directory === undefined) return undefined
  try {
    makeDirectory(directory)
  } catch (cause) {
    throw fileError(directory, cause)
  }
  const path = join(directory, `${entryId}.cose`)
  await writeOutput(path, transparentStatement)
  return path
}

interface RegisterContext {
  readonly options: ImportOptions
  readonly trust: TrustPolicy | undefined
  readonly token: string | undefined
}

async function registerItem(
  { item, bytes: statementBytes, statement, description }: SignedItem,
  { options, trust, token }: RegisterContext,
): Promise<ImportedItem> {
  const name = payloadNameOf(statement)
  const request = { url: options.url, statementBytes, trust, token }
  const { registered, stored } = await registerWithContent(
    request,
    name && { name, bytes: item.payload },
  )
  const { transparentStatement } = registered
  const output = await writeStatement(statement.entryId, transparentStatement, options.output)
  return { ...item, description, registered, stored, output }
}
