/**
 * The work of `quickstart`: creates a log, serves it, makes an issuer, signs and registers a sample
 * of each family, verifies them offline and says where to look. Running it again goes on with what
 * is there.
 */
import { chmod } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { readConfig } from '../../app/config.ts'
import { initLog } from '../../app/init-log.ts'
import { makeDirectory } from '../../app/make-directory.ts'
import { startRegistry } from '../../app/start.ts'
import type { RunningRegistry } from '../../app/start.ts'
import { loadSigner } from '../../keys/file-signer.ts'
import { signStatement } from '../../statement/sign-statement.ts'
import { anchorFromFile } from '../../statement/anchor-file.ts'
import { StartError } from '../../errors.ts'
import { verifyTransparentStatement } from '../../verify/index.ts'
import { CliError } from '../cli-error.ts'
import type { CommonOptions } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { exists, readInput, writeOutput } from '../files.ts'
import { createKeyPair, publicKeyPath } from '../keygen.ts'
import { joinByArtifact } from './join.ts'
import { describeQuickstart } from './report.ts'
import type { QuickstartFacts, RegisteredSample } from './report.ts'
import { ARTIFACT_DIGEST, quickstartSamples } from './samples.ts'
import type { Sample } from './samples.ts'
import { registerAndVerify } from '../verified-registration.ts'
import { serveUntil } from '../serve.ts'
import { fetchTrustedLog } from '../service-trust.ts'
import { print, printJson } from '../terminal.ts'
import { pinLog, readTrustFile, readTrustFileOrEmpty, writeTrustFile } from '../trust-file.ts'
import { fingerprint } from '../trust-text.ts'
import { untilSignal } from '../until-signal.ts'

const ORIGIN = 'attestry.local/quickstart'
const ISSUER = 'https://issuer.attestry.local'

/** Options of the command. */
export interface QuickstartOptions extends CommonOptions {
  readonly data: string
  readonly port: number
  readonly exit?: boolean
}

/** Does it all, and serves until a signal unless told to exit. */
export async function runQuickstart(options: QuickstartOptions): Promise<void> {
  const signalled = untilSignal()
  const data = relative('.', resolve(options.data)) || '.'
  const folder = relative('.', `${resolve(data)}.quickstart`)
  const issuerKey = await prepareIssuer(data, folder)
  const created = await createLogOnce(data, publicKeyPath(issuerKey))
  const { registry, portTaken } = await start(options)
  try {
    const trustPath = join(folder, 'trust.json')
    const logKeys = await pinAndTrust(registry.url, trustPath, publicKeyPath(issuerKey))
    const samples: RegisteredSample[] = []
    for (const sample of quickstartSamples()) {
      samples.push(await signRegisterVerify(sample, { folder, issuerKey, trustPath, registry }))
    }
    const { url, origin } = registry
    const treeSize = Math.max(...samples.map((sample) => sample.treeSize))
    const asked = { artifact: ARTIFACT_DIGEST, treeSize, trustPath }
    const joined = await joinByArtifact(url, asked)
    report({ data, created, portTaken, url, origin, issuer: ISSUER, folder, trustPath, logKeys, samples, artifact: ARTIFACT_DIGEST, joined }, options) // prettier-ignore
  } catch (error) {
    await registry.close()
    throw error
  }
  await serveUntil(registry, options.exit === true ? Promise.resolve() : signalled)
}

function report(facts: QuickstartFacts, options: QuickstartOptions): void {
  if (options.json === true) printJson(facts)
  else print(describeQuickstart(facts, options.exit === true))
}

/** The issuer's key, made before the log because the log's first entries name it. */
async function prepareIssuer(data: string, folder: string): Promise<string> {
  const issuerKey = join(folder, 'issuer.pem')
  if (await exists(issuerKey)) return issuerKey
  if (await exists(join(data, 'log.sqlite'))) {
    throw new CliError('ERR_FILE', `${data} holds a log, and ${issuerKey} is not there`, {
      hint: 'this log was not made by quickstart: try another place with --data DIR',
    })
  }
  makeDirectory(folder)
  await chmod(folder, 0o700)
  await createKeyPair(issuerKey, 'ES256')
  return issuerKey
}

/** True when the log was made now; a log that quickstart did not make is not touched. */
async function createLogOnce(data: string, issuerPublicKey: string): Promise<boolean> {
  const anchor = anchorFromFile(await readInput(issuerPublicKey), [ISSUER])
  try {
    await initLog({ data, origin: ORIGIN, anchors: [anchor] })
    return true
  } catch (error) {
    const isThere = error instanceof StartError && error.code === 'ERR_LOG_EXISTS'
    if (!isThere || !(await exists(join(data, 'log.sqlite')))) throw error
    return false
  }
}

/** Starts on the wanted port, or on a free one when that is taken. */
async function start(
  options: QuickstartOptions,
): Promise<{ readonly registry: RunningRegistry; readonly portTaken: boolean }> {
  const { data, port } = options
  const config = readConfig({ data, port }, { report: () => undefined })
  try {
    return { registry: await startRegistry(config), portTaken: false }
  } catch (error) {
    const cause = error instanceof StartError ? (error.cause as NodeJS.ErrnoException) : undefined
    if (cause?.code !== 'EADDRINUSE') throw error
    return { registry: await startRegistry({ ...config, port: 0 }), portTaken: true }
  }
}

async function pinAndTrust(url: string, path: string, issuerPublicKey: string): Promise<string[]> {
  const log = await fetchTrustedLog({ url })
  // Our own log, in this process: a new one in the same place may replace the pin.
  const { trust } = pinLog(await readTrustFileOrEmpty(path), log, true)
  const anchor = anchorFromFile(await readInput(issuerPublicKey), [ISSUER])
  await writeTrustFile(path, { ...trust, issuers: [anchor] })
  return log.keys.map(fingerprint)
}

interface SampleContext {
  readonly folder: string
  readonly issuerKey: string
  readonly trustPath: string
  readonly registry: RunningRegistry
}

async function signRegisterVerify(
  sample: Sample,
  { folder, issuerKey, trustPath, registry }: SampleContext,
): Promise<RegisteredSample> {
  const payloadFile = join(folder, sample.payloadFile)
  const signedFile = join(folder, `${sample.name}.cose`)
  const transparentFile = join(folder, `${sample.name}.transparent.cose`)
  // Signing again would make another statement: what was signed before is registered again.
  if (!(await exists(signedFile))) {
    await writeOutput(payloadFile, sample.payload)
    await writeOutput(signedFile, await signSample(sample, issuerKey))
  }
  const trust = await readTrustFile(trustPath)
  const statementBytes = await readInput(signedFile)
  const registered = await registerAndVerify({ url: registry.url, statementBytes, trust })
  await writeOutput(transparentFile, registered.transparentStatement)

  // As a relying party does it: from the files alone.
  const outcome = await verifyTransparentStatement({
    transparentStatement: await readInput(transparentFile),
    trust: await readTrustFile(trustPath),
    payload: await readInput(payloadFile),
    at: Math.floor(Date.now() / 1000),
  })
  if (outcome.kind !== 'verified') throw outcome.error
  const { entryId, leafIndex, treeSize } = outcome.statement
  return {
    family: sample.family,
    subject: sample.subject,
    entryId,
    leafIndex: Number(leafIndex),
    treeSize: Number(treeSize),
    transparentFile,
    exitCode: EXIT.ok,
  }
}

async function signSample(sample: Sample, issuerKey: string): Promise<Uint8Array> {
  return signStatement({
    payload: sample.payload,
    issuer: ISSUER,
    subject: sample.subject,
    contentType: sample.mediaType,
    signer: await loadSigner(issuerKey),
    issuedAt: Math.floor(Date.now() / 1000),
  })
}
