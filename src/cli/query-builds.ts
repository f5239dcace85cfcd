/** `attestry query builds`: what was built in environments of a kind, by evidence that is bound to it. */
import type { Command } from 'commander'
import type { BuiltArtifacts } from '../client/query-pages.ts'
import type { StatementRow } from '../client/statement-row.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { collect, parseCount } from './option-values.ts'
import { checkFilters } from './query/arguments.ts'
import type { Filters } from './query/arguments.ts'
import { evidenceText } from './query/evidence-lines.ts'
import { addLookupOptions, openClient } from './query/options.ts'
import type { LookupOptions } from './query/options.ts'
import { rowTable } from './query/rows.ts'
import type { ExtraColumn } from './query/rows.ts'
import { takeRows } from './query/take-rows.ts'
import { checkSummary, exitCodeOf, RowVerifier } from './query/verify-row.ts'
import { formatNumber } from './terminal.ts'

const HELP = `
Finds verified evidence that passes all filters, and the provenances that it is bound to: to their
signed bytes, or to the key that signed them. Needs one filter at least. --verify checks that every
provenance and every piece of evidence is in the log as the rows say; attestry appraise appraises
the evidence itself, also with newer collateral.

Exit status as attestry query statements.

Examples:
  $ attestry query builds --advisory INTEL-SA-00615 --url https://log.example.org
  $ attestry query builds --tcb-svn-below tee-tcb-svn:06010300000000000000000000000000 \\
      --url https://log.example.org --json
`

/** Filters of evidence; the parameter is the same in camel case. */
const FILTERS: readonly (readonly [option: string, parameter: string, text: string])[] = [
  ['--advisory <id>', 'advisory', 'advisory of the platform, e.g. INTEL-SA-00615'],
  ['--tcb-status <status>', 'tcbStatus', 'e.g. OutOfDate'],
  ['--measurement <hex>', 'measurement', 'measured value, perhaps with its name: mrtd:…'],
  ['--tee-type <type>', 'teeType', 'sgx, tdx, sev-snp, nitro, tpm or cca'],
  ['--debug <bool>', 'debug', 'true or false'],
  ['--fmspc <hex>', 'fmspc', 'platform family'],
  ['--platform-certificate <hex>', 'platformCertificate', 'SHA-256 of the certificate'],
  ['--bound-key <hex>', 'boundKey', 'thumbprint of the bound key'],
  ['--binding <value>', 'binding', 'key, payload or build'],
  ['--tcb-date-from <time>', 'tcbDateFrom', 'date of the TCB level, this or later'],
  ['--tcb-date-to <time>', 'tcbDateTo', 'date of the TCB level, this or before'],
  ['--registered-from <time>', 'registeredFrom', 'evidence registered at this time or later'],
  ['--registered-to <time>', 'registeredTo', 'evidence registered at this time or before'],
]

interface BuildsOptions extends LookupOptions {
  readonly limit: number
  readonly tcbSvnBelow?: readonly string[]
}

const PAGE_MAX = 250

export function addQueryBuilds(query: Command): void {
  const command = addCommand(query, 'builds', {
    description: 'find what was built in environments of a kind',
    help: HELP,
  })
  addLookupOptions(command)
  for (const [option, , text] of FILTERS) command.option(option, text, collect)
  command
    .option('--tcb-svn-below <name:hex>', 'security version below this (repeatable)', collect)
    .option('--limit <n>', 'rows at most', parseCount, 50)
    .action(run(builds))
}

async function builds(options: BuildsOptions): Promise<Report> {
  const filters = readFilters(options)
  if (Object.keys(filters).length === 0) {
    throw new CliError(
      'ERR_USAGE',
      'say which environments: one filter at least, like --advisory',
      {
        hint: 'attestry query builds --help',
      },
    )
  }
  const client = openClient(options)
  const verifier = await RowVerifier.from(client, options)
  const { limit } = options
  const parameters = { ...filters, limit: String(Math.min(limit, PAGE_MAX)) }
  const { rows, treeSize, hasMore } = await takeRows(
    asStatements(client.builtPages(parameters)),
    limit,
  )
  const checks = await verifier?.checkAll(rows.map(({ provenance }) => provenance))
  const evidenceChecks = await verifier?.checkAll(rows.map(({ evidence }) => evidence))
  const all = checks === undefined ? undefined : [...checks, ...(evidenceChecks ?? [])]
  return {
    exitCode: exitCodeOf(all),
    json: {
      ...{ url: options.url, treeSize, more: hasMore },
      builds: rows.map((row, at) =>
        checks === undefined
          ? row
          : { ...row, check: checks[at], evidenceCheck: evidenceChecks?.[at] },
      ),
    },
    lines: [
      ...(rows.length === 0 ? [] : rowTable(rows.map(asRow), checks, EXTRAS)),
      `${summary(rows.length, hasMore)} in a tree of ${formatNumber(treeSize)}`,
      ...(all === undefined ? [] : [checkSummary(all)]),
    ],
  }
}

function readFilters(options: BuildsOptions): Filters {
  const given = options as unknown as Readonly<Record<string, string | undefined>>
  const named = FILTERS.flatMap(([, parameter]) => {
    const value = given[parameter]
    return value === undefined ? [] : [[parameter, value] as const]
  })
  const { tcbSvnBelow } = options
  return checkFilters({
    ...Object.fromEntries(named),
    ...(tcbSvnBelow === undefined ? {} : { tcbSvnBelow }),
  })
}

/** Pages in the form that all look-ups share. */
async function* asStatements(
  pages: AsyncIterable<{ treeSize: number; builds: readonly BuiltArtifacts[]; next?: string }>,
): AsyncGenerator<{ treeSize: number; statements: readonly BuiltArtifacts[]; next?: string }> {
  for await (const { builds: statements, ...rest } of pages) yield { ...rest, statements }
}

type BuildRow = StatementRow & { readonly built: BuiltArtifacts }

const asRow = (built: BuiltArtifacts): BuildRow => ({ ...built.provenance, built })

const EXTRAS: readonly ExtraColumn<BuildRow>[] = [
  {
    column: { title: 'ARTIFACT', min: 14, cut: 'middle' },
    cell: ({ built: { artifacts } }) => {
      const [first = '-'] = artifacts.digests
      return artifacts.total > 1 ? `${first} and ${artifacts.total - 1} more` : first
    },
  },
  { column: { title: 'EVIDENCE', min: 20 }, cell: ({ built }) => evidenceText(built.evidence) },
]

function summary(count: number, hasMore: boolean): string {
  if (count === 0) return 'no builds'
  const noun = count === 1 ? 'build' : 'builds'
  return `${formatNumber(count)} ${noun}${hasMore ? ', and more (--limit)' : ''}`
}
