/**
 * `attestry appraise`: evidence appraised again, offline but for what the log holds, at any time and with
 * newer collateral; held against reference values; and, where that is wanted, stated as an attestation
 * result. What the registry once established stays as it was.
 */
import type { Command } from 'commander'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import { reappraise } from '../payload/tee/reappraise.ts'
import type { AppraisalContext, Reappraisal } from '../payload/tee/reappraise.ts'
import { evidencePins } from '../policy/tee-evidence-policy.ts'
import { appraisalReferences } from './appraise/references.ts'
import { readAppraised, namedEntries } from './appraise/appraised.ts'
import type { Appraised, AppraisedOptions } from './appraise/appraised.ts'
import { reappraisalJson, reappraisalLines, VERDICTS } from './appraise/appraise-report.ts'
import { assertResultOptions, stateResult } from './appraise/state-result.ts'
import type { ResultOptions } from './appraise/state-result.ts'
import { readCollateralInput, readEvidencePolicy } from './attest/evidence-input.ts'
import { isInputMistake } from './attest/input-mistakes.ts'
import { assertLogNamed, bundlesById, findNonceLog, openReferencedLog, readRegistered } from './attest/log-reference.ts' // prettier-ignore
import type { LogReferenceOptions, RegisteredBundle } from './attest/log-reference.ts'
import { CliError } from './cli-error.ts'
import { addCommand, codeOf, run } from './command.ts'
import type { Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import type { ExitCode } from './exit-codes.ts'
import type { LogAccess } from './log-access.ts'
import { collect, parseText, parseTime, parseUrl } from './option-values.ts'
import { assertOneOutput } from './outputs.ts'

const HELP = `
Evidence is an entry of a log (--url and --trust), or a file: a statement of evidence, its
container, or what the platform made. It is appraised as of now, or --at, with the collateral that
came along, or with newer one from --collateral; what is registered is also appraised as of its
registration, and what changed is said. Nothing is fetched but from the log that is named.

--reference compares what was measured: a CoRIM, a SCAI report, or {"measurements": {"mrtd": "…"}},
in a file or in a statement; what is in a statement is not verified here.
With --key the result becomes an attestation result (EAR) in a statement of yours, for -o, and with
--register it is registered at --url.

Exit status:
  0  holds; findings are told
  1  does not hold
  2  holds, and must not be relied on: debug, a revoked TCB, other measurements, your --policy
  3  cannot tell: collateral is missing or too old, or no reference value is about this
  4  wrong command line, or a file that cannot be read

Examples:
  $ attestry appraise 05d395aa… --url https://log.example.org --trust trust.json \\
      --collateral pcs-today/
  $ attestry appraise quote.bin --collateral pcs/ --reference image.corim
  $ attestry appraise 05d395aa… --url https://log.example.org --trust trust.json \\
      --collateral pcs-today/ --key me.pem --issuer https://me.example --register
`

interface AppraiseOptions extends AppraisedOptions, LogReferenceOptions, ResultOptions {
  readonly collateral?: string
  readonly registered?: readonly string[]
  readonly reference?: readonly string[]
  readonly policy?: string
  readonly at?: number
}

export function addAppraise(program: Command): void {
  addCommand(program, 'appraise', { description: 'appraise TEE evidence again', help: HELP })
    .argument('ENTRY|FILE', 'entry id, or a file, or - for standard input')
    .option('--url <url>', 'the log that holds it, or that the result is for', parseUrl)
    .option('--trust <trust>', 'trust file that pins the log')
    .option('--log-key <vkey>', 'key of its checkpoints (repeatable)', collect)
    .option('--payload <file>', 'content of a statement that holds only its digest')
    .option('--collateral <dir>', "newer collateral: what the vendor's service serves, or a bundle")
    .option(
      '--registered <entry>',
      'registered collateral: its statement, or entry id (repeatable)',
      collect,
    ) // prettier-ignore
    .option('--reference <file>', 'what measurements should be (repeatable)', collect)
    .option('--policy <file>', 'policy, for its roots, keys and limits')
    .option('--at <time>', 'appraise as of this time instead of now', parseTime)
    .option('--key <key.pem>', 'sign the result with this key')
    .option('--issuer <iss>', 'you, who appraised: a URI', parseText)
    .option('--subject <sub>', 'subject of the result; by default that of the evidence', parseText)
    .option('--register', 'register the result at --url')
    .option('--token-file <file>', 'bearer token for --register')
    .option('-o, --output <file>', 'where to write the statement of the result, - for a pipe')
    .action(run(appraise, exitCodeOf))
}

/** As of `verify`: the caller's mistakes are 4, anything else that prevents an answer is 3. */
function exitCodeOf(error: unknown): ExitCode {
  if (isInputMistake(error)) return EXIT.usage
  if (error instanceof EvidenceError) return EXIT.failed
  const code = codeOf(error)
  const isWrong = /^ERR_(?:RECEIPT|STATEMENT|ISSUER)_/.test(code) || code === 'ERR_PAYLOAD_MISMATCH'
  return isWrong ? EXIT.failed : EXIT.cannotTell
}

async function appraise(name: string, options: AppraiseOptions): Promise<Report> {
  assertOneOutput(options)
  assertResultOptions(options)
  // Alone, --trust is for the Receipt of a file, and --url for where the result is registered.
  if (options.trust === undefined && options.register !== true) assertLogNamed(options)
  const access = await openReferencedLog(options)
  const appraised = await readAppraised(name, options, access)
  const result = await reappraiseAs(appraised, options, access)
  const stated = await stateResult(appraised, result, options)
  return {
    exitCode: VERDICTS[result.verdict].exitCode,
    json: { ...reappraisalJson(appraised, result), result: stated?.json ?? null },
    lines: [...reappraisalLines(appraised, result), ...(stated?.lines ?? [])],
    outputIsBytes: stated !== undefined && options.output === '-',
  }
}

async function reappraiseAs(
  appraised: Appraised,
  options: AppraiseOptions,
  access: LogAccess | undefined,
): Promise<Reappraisal> {
  const { evidence, registration, statement } = appraised
  const registered = await registeredOf(appraised, options, access)
  const context = await contextOf(appraised, options, { access, registered })
  const collateral =
    options.collateral === undefined ? {} : { collateral: await readCollateralInput(options.collateral) } // prettier-ignore
  const references =
    options.reference === undefined
      ? {}
      : { references: await appraisalReferences(options.reference) }
  return reappraise(
    {
      evidence,
      context: { ...context, at: options.at ?? Math.floor(Date.now() / 1000) },
      ...(registration === undefined
        ? {}
        : { registration: { ...context, at: registration.registeredAt } }),
      ...collateral,
      ...references,
      ...(statement === undefined ? {} : { entryId: statement.entryId }),
    },
    nodeVerifier,
  )
}

/**
 * Collateral that the evidence names: from the options, and what they leave out from the log. What is
 * nowhere is missed by the appraisal, unless newer collateral stands in for it.
 */
async function registeredOf(
  { evidence }: Appraised,
  { registered = [] }: AppraiseOptions,
  access: LogAccess | undefined,
): Promise<readonly RegisteredBundle[]> {
  const bundles = [...(await readRegistered(registered, access))]
  const given = bundlesById(bundles)
  for (const id of access === undefined ? [] : namedEntries(evidence)) {
    if (given.has(id)) continue
    try {
      bundles.push(...(await readRegistered([id], access)))
    } catch (error) {
      if (!(error instanceof CliError)) throw error
    }
  }
  return bundles
}

interface ContextParts {
  readonly access: LogAccess | undefined
  readonly registered: readonly RegisteredBundle[]
}

async function contextOf(
  { evidence, signer }: Appraised,
  options: AppraiseOptions,
  { access, registered }: ContextParts,
): Promise<Omit<AppraisalContext, 'at'>> {
  const { outOfDate, debug, checkpointAgeMax, ...policy } = await readEvidencePolicy(options.policy)
  const { checkpoint } = evidence
  return {
    pins: evidencePins(policy),
    limits: {
      ...(outOfDate === undefined ? {} : { outOfDate }),
      ...(debug === undefined ? {} : { debug }),
      ...(checkpointAgeMax === undefined || access === undefined ? {} : { checkpointAgeMax }),
    },
    registered: bundlesById(registered),
    ...(signer === undefined ? {} : { signer }),
    // Without the key of its log a checkpoint would be the evidence's fault.
    ...(checkpoint === undefined ? {} : { log: await findNonceLog(checkpoint, options, access) }),
  }
}
