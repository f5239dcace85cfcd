/**
 * `attestry policy test`: what a policy would say, before it is in force: about statements in files,
 * or about the last entries of a log, each at its own registration time.
 */
import type { Command } from 'commander'
import { SigstoreBundleVerifier } from '../sigstore/sigstore-bundle-verifier.ts'
import { NO_RULES } from '../policy/rules-in-force.ts'
import type { Rules } from '../policy/rules-in-force.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { CliError } from './cli-error.ts'
import { addStore, namedLog } from './log-place.ts'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { readInput } from './files.ts'
import { parseCount, parseTime } from './option-values.ts'
import { openKeptDocuments, readDelegations, verdictOf } from './policy-trial.ts'
import type { Tried, Verdict } from './policy-trial.ts'
import { readLogRules, readPolicyFile, readRulesDocument } from './policy-text.ts'
import type { LogRules } from './policy-text.ts'
import { formatNumber } from './terminal.ts'
import type { Line } from './terminal.ts'

const HELP = `
Statements in FILES are decided as of now (or --at), entries of the log as of their own
registration: with the submitter, the certificates and the delegations that they had. Anchors
come from --anchors, or with --data are those that are in force in the log. A submitter is not
known for FILES.

Exit status: 0 everything is accepted, 1 something is refused, 4 wrong command line.

Examples:
  $ attestry policy test policy.json --data ./data --last 1000
  $ attestry policy test policy.json --anchors anchors.json provenance.cose sbom.cose
`

/** Refusals that are printed one by one. */
const SHOWN_MAX = 20
const LAST_DEFAULT = 1000

interface TestOptions extends CommonOptions {
  readonly data?: string
  readonly store?: string
  readonly last?: number
  readonly anchors?: string
  readonly at?: number
}

export function addPolicyTest(policy: Command): void {
  const command = addCommand(policy, 'test', {
    description: 'try a policy before it is in force',
    help: HELP,
  })
    .argument('POLICY', 'policy to try')
    .argument('[FILES...]', 'Signed Statements')
    .option('--data <dir>', 'data directory of a log: its last entries, anchors and delegations')
  addStore(command)
    .option('--last <n>', `how many entries of the log (default: ${LAST_DEFAULT})`, parseCount)
    .option('--anchors <file>', 'trust anchors document to try with')
    .option('--at <time>', 'decide about FILES as of this time instead of now', parseTime)
    .action(run(test))
}

async function test(file: string, files: readonly string[], options: TestOptions): Promise<Report> {
  const { json } = options
  const place = namedLog(options)
  if (files.length === 0 && place === undefined) {
    throw new CliError('ERR_USAGE', 'name statements to try, or a log with --data DIR')
  }
  if (files.length > 0 && options.last !== undefined) {
    throw new CliError('ERR_USAGE', '--last is for the entries of a log, not for FILES')
  }
  if (place === undefined && options.anchors === undefined) {
    throw new CliError('ERR_USAGE', 'name who may speak: --anchors FILE, or a log with --data DIR')
  }
  const policy = await readPolicyFile(file)
  const last = files.length > 0 ? 0 : (options.last ?? LAST_DEFAULT)
  const log =
    place === undefined ? undefined : await readLogRules(place, { last, quiet: json === true })
  const tried =
    files.length > 0 ? await readStatements(files, options.at) : entriesOf(log?.entries ?? [])
  const verdicts: Verdict[] = []
  const anchors = options.anchors === undefined ? {} : await readAnchorsFile(options.anchors)
  const kept = place === undefined ? undefined : await openKeptDocuments(place)
  const delegations = await readDelegations(log, kept)
  const rules = { ...(log?.rules ?? NO_RULES), ...anchors, delegations }
  const bundles = new SigstoreBundleVerifier()
  const under = { policy, rules, log, bundles, kept }
  for (const one of tried) verdicts.push(await verdictOf(one, under))
  await bundles.close()
  await kept?.close()
  return report(verdicts)
}

async function readAnchorsFile(path: string): Promise<Pick<Rules, 'anchors' | 'inner'>> {
  const document = await readRulesDocument(path)
  if (document.kind === 'trust-anchors') {
    const { anchors, inner } = document
    return { anchors, inner }
  }
  throw new CliError('ERR_USAGE', `${path} is a policy, not a trust anchors document`)
}

async function readStatements(files: readonly string[], at: number | undefined): Promise<Tried[]> {
  const registrationTime = at ?? Math.floor(Date.now() / 1000)
  const tried: Tried[] = []
  for (const name of files) {
    tried.push({ name, statement: parseSignedStatement(await readInput(name)), registrationTime })
  }
  return tried
}

function entriesOf(entries: LogRules['entries']): Tried[] {
  return entries.map(({ leafIndex, statement, registrationTime }) => ({
    name: `entry ${leafIndex}`,
    leafIndex,
    statement,
    registrationTime,
  }))
}

function report(verdicts: readonly Verdict[]): Report {
  const refused = verdicts.filter(({ rule }) => rule !== undefined)
  const byRule = new Map<string, number>()
  for (const { rule = '' } of refused) byRule.set(rule, (byRule.get(rule) ?? 0) + 1)
  const accepted = verdicts.length - refused.length
  const summary = `${formatNumber(verdicts.length)} tried: ${formatNumber(accepted)} accepted, ${formatNumber(refused.length)} refused`
  const lines: Line[] = [
    { text: summary, tone: refused.length === 0 ? 'good' : 'bad' },
    ...[...byRule].map(([rule, count]): Line => `${rule}: ${formatNumber(count)}`),
    ...refused
      .slice(0, SHOWN_MAX)
      .map(({ name, rule, reason }) => `  ${name}: ${rule!}: ${reason!}`),
    ...(refused.length > SHOWN_MAX
      ? [`  and ${formatNumber(refused.length - SHOWN_MAX)} more`]
      : []),
  ]
  return {
    exitCode: refused.length === 0 ? EXIT.ok : EXIT.failed,
    json: { tried: verdicts.length, accepted, refused },
    lines,
  }
}
