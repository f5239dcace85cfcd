/** `attestry query artifact`: everything about one artifact, in both directions. */
import type { Command } from 'commander'
import type { ArtifactPage, ArtifactRow } from '../client/query-pages.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { parseCount } from './option-values.ts'
import { parseArtifact } from './query/arguments.ts'
import { evidenceLines } from './query/evidence-lines.ts'
import { addLookupOptions, openClient } from './query/options.ts'
import type { LookupOptions } from './query/options.ts'
import { rowObject, rowTable } from './query/rows.ts'
import type { ExtraColumn } from './query/rows.ts'
import { takeRows } from './query/take-rows.ts'
import { checkSummary, exitCodeOf, RowVerifier } from './query/verify-row.ts'
import { fields, formatNumber } from './terminal.ts'

const HELP = `
Statements about the artifact (AS subject), statements that used it (AS dependency) and statements
that name it as evidence, newest first, with how many digests went in or came out. Other names of
the same artifact come from statements: they are claims like everything else in them. Below the
table stands verified evidence of where the artifact was built, where any is bound to a provenance.

Exit status as attestry query statements.

Examples:
  $ attestry query artifact sha256:9f86d081… --url https://log.example.org
  $ attestry query artifact gitCommit:da39a3ee… --url https://log.example.org --json
`

interface ArtifactOptions extends LookupOptions {
  readonly limit: number
}

const PAGE_MAX = 250

export function addQueryArtifact(query: Command): void {
  const command = addCommand(query, 'artifact', {
    description: 'show everything about one artifact',
    help: HELP,
  })
  addLookupOptions(command)
    .argument('DIGEST', 'algorithm and value, e.g. sha256:9f86…', parseArtifact)
    .option('--limit <n>', 'statements at most', parseCount, 100)
    .action(run(artifact))
}

async function artifact(digest: string, options: ArtifactOptions): Promise<Report> {
  const client = openClient(options)
  const verifier = await RowVerifier.from(client, options)
  const { limit } = options
  const asked = client.artifactPages(digest, { limit: String(Math.min(limit, PAGE_MAX)) })
  const { rows, pages, treeSize, hasMore } = await takeRows(asked, limit)
  const aliases = aliasesOf(pages)
  const checks = await verifier?.checkAll(rows, (row) => ({
    digest,
    roles: (row as ArtifactRow).roles,
  }))
  return {
    exitCode: exitCodeOf(checks),
    json: {
      ...{ url: options.url, artifact: digest, treeSize, aliases, more: hasMore },
      statements: rows.map((row, at) => rowObject(row, checks?.[at])),
    },
    lines: [
      ...fields([
        ['artifact', digest],
        ['also', list(aliases.digests)],
        ['packages', list(aliases.purls)],
        ['names', list(aliases.names)],
        ['tree size', formatNumber(treeSize)],
      ]),
      '',
      ...(rows.length === 0 ? ['nothing is known of it'] : rowTable(rows, checks, EXTRAS)),
      ...(hasMore ? ['and more (--limit)'] : []),
      ...evidenceLines(rows),
      ...(checks === undefined ? [] : [checkSummary(checks)]),
    ],
  }
}

/** Other names, of all pages. */
function aliasesOf(pages: readonly ArtifactPage[]): ArtifactPage['aliases'] {
  const all = (name: keyof ArtifactPage['aliases']): string[] => [
    ...new Set(pages.flatMap(({ aliases }) => aliases[name])),
  ]
  return { digests: all('digests'), purls: all('purls'), names: all('names') }
}

const EXTRAS: readonly ExtraColumn<ArtifactRow>[] = [
  { column: { title: 'AS' }, cell: ({ roles }) => roles.join(', ') },
  {
    column: { title: 'RELATES TO' },
    cell: ({ dependencies, subjects }) => {
      if (dependencies !== undefined) return related(dependencies.total, 'went in')
      return subjects === undefined ? '-' : related(subjects.total, 'came out')
    },
  },
]

function related(count: number, what: string): string {
  return count === 0 ? '-' : `${formatNumber(count)} ${what}`
}

function list(values: readonly string[]): string | undefined {
  return values.length === 0 ? undefined : values.join(', ')
}
