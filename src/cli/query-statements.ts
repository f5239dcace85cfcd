/** `attestry query statements`: finds statements by what they say. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { parseCount } from './option-values.ts'
import { parseOrder } from './query/arguments.ts'
import { addFilters, addLookupOptions, openClient, readFilters } from './query/options.ts'
import type { LookupOptions } from './query/options.ts'
import { rowObject, rowTable } from './query/rows.ts'
import { takeRows } from './query/take-rows.ts'
import { canonicalDigest, checkSummary, exitCodeOf, RowVerifier } from './query/verify-row.ts'
import { formatNumber } from './terminal.ts'

const HELP = `
All filters that are given have to hold. The answer covers the tree size that it names. It is a
hint: --verify fetches every statement with its Receipt and compares. That nothing is missing is
what attestry audit checks. On a terminal long values are cut; a pipe gets them whole.

Exit status: 0 done, and with --verify all rows hold; 1 failed, or a row is wrong; 3 a row could
not be verified; 4 wrong command line.

Examples:
  $ attestry query statements --url https://log.example.org --digest sha256:9f86d081…
  $ attestry query statements --url https://log.example.org --kind scorecard --score-max 5
  $ attestry query statements --url https://log.example.org --vulnerability CVE-2021-44228 \\
      --verify --trust trust.json --json
`

interface StatementsOptions extends LookupOptions {
  readonly order: string
  readonly limit: number
}

const PAGE_MAX = 1000

export function addQueryStatements(query: Command): void {
  const command = addCommand(query, 'statements', {
    description: 'find statements by what they say',
    help: HELP,
  })
  addFilters(addLookupOptions(command))
    .option('--order <order>', 'descending (newest first) or ascending', parseOrder, 'descending')
    .option('--limit <n>', 'rows at most', parseCount, 50)
    .action(run(statements))
}

async function statements(options: StatementsOptions): Promise<Report> {
  const filters = readFilters(options)
  const client = openClient(options)
  const verifier = await RowVerifier.from(client, options)
  const { limit, order } = options
  const parameters = { ...filters, order, limit: String(Math.min(limit, PAGE_MAX)) }
  const { rows, treeSize, hasMore } = await takeRows(client.pages(parameters), limit)
  const digest =
    typeof filters['digest'] === 'string' ? canonicalDigest(filters['digest']) : undefined
  const checks = await verifier?.checkAll(rows, () =>
    digest === undefined ? undefined : { digest },
  )
  return {
    exitCode: exitCodeOf(checks),
    json: {
      ...{ url: options.url, treeSize, more: hasMore },
      statements: rows.map((row, at) => rowObject(row, checks?.[at])),
    },
    lines: [
      ...(rows.length === 0 ? [] : rowTable(rows, checks)),
      `${summary(rows.length, hasMore)} in a tree of ${formatNumber(treeSize)}`,
      ...(checks === undefined ? [] : [checkSummary(checks)]),
    ],
  }
}

function summary(count: number, hasMore: boolean): string {
  if (count === 0) return 'no statements'
  const noun = count === 1 ? 'statement' : 'statements'
  return `${formatNumber(count)} ${noun}${hasMore ? ', and more (--limit)' : ''}`
}
