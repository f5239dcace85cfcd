/**
 * `attestry attest sgx|tdx|snp|nitro|tpm|cca`: evidence of the hardware becomes a Signed Statement. It is
 * appraised here first, as the registry will, so that what would be refused is refused before it is
 * signed.
 */
import type { Command } from 'commander'
import type { DigestName } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { signEvidence } from '../../client/evidence-statement.ts'
import type { EvidenceStatement } from '../../client/evidence-statement.ts'
import { nodeVerifier } from '../../keys/node-verifier.ts'
import type { TeeEvidence } from '../../payload/tee/evidence-container.ts'
import {
  EVIDENCE_KINDS,
  findCutQuote,
  findEvidenceFormat,
} from '../../payload/tee/evidence-format.ts'
import type { EvidenceKind } from '../../payload/tee/evidence-format.ts'
import { evidencePins } from '../../policy/tee-evidence-policy.ts'
import { CliError } from '../cli-error.ts'
import { addCommand, run } from '../command.ts'
import type { CommonOptions, Report } from '../command.ts'
import { nameOf, readInput, writeOutput } from '../files.ts'
import { loadKeyFile } from '../keygen.ts'
import { collect, parseDigestName, parseText, parseTime, parseUrl } from '../option-values.ts'
import { assertOneOutput } from '../outputs.ts'
import { fields, formatTime } from '../terminal.ts'
import { addBindOptions, parseBindingType, parseOffset, parsePlace, readBinding } from './bind-options.ts' // prettier-ignore
import type { ContainerBindOptions } from './bind-options.ts'
import { readCollateralBytes, readEvidenceInput, readEvidencePolicy } from './evidence-input.ts'
import { appraisalJson, appraisalLines } from './facts-text.ts'
import { attestExitCode } from './input-mistakes.ts'
import { attestHelp, WHAT } from './kinds-text.ts'
import { assertLogNamed, bundlesById, findNonceLog, openReferencedLog, parseCheckpointFile, readRegistered } from './log-reference.ts' // prettier-ignore
import type { LogReferenceOptions, RegisteredBundle } from './log-reference.ts'

interface AttestOptions extends CommonOptions, ContainerBindOptions, LogReferenceOptions {
  readonly collateral?: string
  readonly registered?: readonly string[]
  readonly eventLog?: string
  readonly policy?: string
  readonly at?: number
  readonly key: string
  readonly issuer: string
  readonly subject: string
  readonly hash?: DigestName
  readonly payloadOut?: string
  readonly output: string
}

/** Adds a command for each kind of evidence. */
export function addAttestKinds(attest: Command): void {
  for (const kind of EVIDENCE_KINDS) addAttestKind(attest, kind)
}

function addAttestKind(attest: Command, kind: EvidenceKind): void {
  const description = `make a statement of ${WHAT[kind]}`
  const command = addCommand(attest, kind, { description, help: attestHelp(kind) })
    .argument('FILE', 'evidence, or - for standard input; a directory of configfs-tsm')
    .option('--bind <type>', 'what it is bound by: key, payload, checkpoint or build', parseBindingType) // prettier-ignore
  addBindOptions(command)
    .option('--place <field>', 'field that holds the digest: report-data or nonce', parsePlace)
    .option('--offset <bytes>', 'where in the field the digest begins', parseOffset)
    .option('--collateral <dir>', "what the vendor's service serves: files, or a bundle")
    .option(
      '--registered <entry>',
      'registered collateral: entry id, or its statement (repeatable)',
      collect,
    ) // prettier-ignore
    .option('--event-log <file>', 'CCEL or TCG2 log that leads to the registers')
    .option('--policy <file>', 'policy of the registry, for its roots, keys and limits')
    .option('--log-key <vkey>', 'key of the checkpoint (repeatable)', collect)
    .option('--url <url>', 'the registry, for what is registered there', parseUrl)
    .option('--trust <trust>', 'trust file that pins the registry')
    .option('--at <time>', 'appraise as of this time instead of now', parseTime)
    .requiredOption('--key <key.pem>', 'private key file (PKCS#8, mode 0600)')
    .requiredOption('--issuer <iss>', 'who states this: a URI', parseText)
    .requiredOption(
      '--subject <sub>',
      'what it is about: a build, an artifact, an environment',
      parseText,
    )
    .option('--hash <name>', 'sign only a digest: sha-256, sha-384 or sha-512', parseDigestName)
    .option('--payload-out <file>', 'where only a digest is signed: the container, to hand over')
    .option('-o, --output <out.cose>', 'Signed Statement to write, - for standard output', '-')
    .action(
      run(
        (file: string, options: AttestOptions) => attestKind(kind, file, options),
        attestExitCode,
      ),
    )
}

async function attestKind(
  kind: EvidenceKind,
  file: string,
  options: AttestOptions,
): Promise<Report> {
  assertOneOutput(options)
  assertLogNamed(options)
  const access = await openReferencedLog(options)
  const registered = await readRegistered(options.registered ?? [], access)
  const evidence = await readContainer(kind, file, options, registered)
  const { checkpointAgeMax, ...policy } = await readEvidencePolicy(options.policy)
  const { outOfDate, debug } = policy
  const now = Math.floor(Date.now() / 1000)
  const log =
    evidence.checkpoint === undefined
      ? {}
      : { log: await findNonceLog(evidence.checkpoint, options, access) }
  const signed = await signEvidence({
    evidence,
    signer: await loadKeyFile(options.key),
    ...{ issuer: options.issuer, subject: options.subject, issuedAt: now },
    ...(options.hash === undefined ? {} : { hash: options.hash }),
    appraisal: {
      ...{ at: options.at ?? now, pins: evidencePins(policy), registered: bundlesById(registered) },
      limits: {
        ...(outOfDate === undefined ? {} : { outOfDate }),
        ...(debug === undefined ? {} : { debug }),
        // Only the log itself says when a head was made.
        ...(checkpointAgeMax === undefined || access === undefined ? {} : { checkpointAgeMax }),
      },
      ...log,
    },
    verifier: nodeVerifier,
  })
  await writeSigned(signed, options)
  return report(file, signed, { evidence, options })
}

async function readContainer(
  kind: EvidenceKind,
  file: string,
  options: AttestOptions,
  registered: readonly RegisteredBundle[],
): Promise<TeeEvidence> {
  const binding = await readBinding(options)
  const evidence = await readEvidenceInput(file)
  const found = findEvidenceFormat(evidence)
  if (found?.kind !== kind) {
    const cut = findCutQuote(evidence)
    const none = cut === undefined ? 'no evidence that is known here' : `a quote cut short: ${cut}`
    const what = found === undefined ? none : WHAT[found.kind]
    throw new CliError('ERR_FILE', `${nameOf(file)} is not ${WHAT[kind]}: it is ${what}`, {
      ...(found === undefined ? {} : { hint: `attestry attest ${found.kind} …` }),
    })
  }
  const collateral = await readCollateralBytes(options.collateral)
  const read = async (path: string | undefined): Promise<Uint8Array | undefined> =>
    path === undefined ? undefined : readInput(path)
  const [eventLog, checkpoint] = [await read(options.eventLog), await read(options.checkpoint)]
  if (checkpoint !== undefined) parseCheckpointFile(options.checkpoint!, checkpoint)
  return {
    ...{ format: found.format, evidence },
    ...(collateral === undefined ? {} : { collateral }),
    ...(registered.length === 0 ? {} : { registered: registered.map(({ entryId }) => entryId) }),
    ...(eventLog === undefined ? {} : { eventLog }),
    ...(binding === undefined ? {} : { binding }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  }
}

/** A container whose digest alone was signed would be lost: nobody else makes the same bytes. */
async function writeSigned(
  { bytes, hash, payload }: EvidenceStatement,
  { output, payloadOut }: AttestOptions,
): Promise<void> {
  if (hash !== undefined) {
    if (payloadOut === undefined) {
      throw new CliError('ERR_USAGE', 'only a digest fits into the entry: name a file for the container', { hint: 'add --payload-out FILE, and hand it over: attestry register … --payload FILE' }) // prettier-ignore
    }
    await writeOutput(payloadOut, payload)
  }
  await writeOutput(output, bytes)
}

interface ReportContext {
  readonly evidence: TeeEvidence
  readonly options: AttestOptions
}

function report(
  file: string,
  { bytes, statement, hash, payload, appraisal }: EvidenceStatement,
  { evidence: { format }, options }: ReportContext,
): Report {
  const { output, issuer, subject, payloadOut } = options
  const { entryId, headers } = statement
  const key = encodeHex(headers.keyId ?? new Uint8Array(0))
  return {
    json: {
      ...{ output, bytes: bytes.length, entryId, issuer, subject, key, format },
      hash: hash ?? null,
      payloadOut: hash === undefined ? null : (payloadOut ?? null),
      appraisal: appraisalJson(appraisal),
    },
    lines: [
      { text: `${nameOf(file)}: ${format}, holds as of ${formatTime(options.at ?? Math.floor(Date.now() / 1000))}`, tone: 'good' }, // prettier-ignore
      ...appraisalLines(appraisal),
      ...fields([
        ['signed', `${payload.length} bytes as ${issuer} about ${subject}`],
        ['payload', hash === undefined ? 'inside' : `${payloadOut ?? ''}, only its ${hash} is signed`], // prettier-ignore
        ['key', key],
        ['entry id', entryId],
        ['written', output === '-' ? undefined : `${output} (${bytes.length} bytes)`],
      ]),
    ],
    outputIsBytes: output === '-',
  }
}
