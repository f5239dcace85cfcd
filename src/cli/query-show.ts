/** `attestry query show`: one entry as the registry reads it. */
import type { Command } from 'commander'
import type { StatementView } from '../client/query-pages.ts'
import type { JsonMembers, StatementRow } from '../client/statement-row.ts'
import type { Finding } from '../payload/description.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { parseEntryId } from './query/arguments.ts'
import { addLookupOptions, openClient } from './query/options.ts'
import type { LookupOptions } from './query/options.ts'
import { table, terminalWidth } from './query/table.ts'
import { checkText, exitCodeOf, RowVerifier } from './query/verify-row.ts'
import type { RowCheck } from './query/verify-row.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'
import type { Line } from './terminal.ts'

const HELP = `
Header, what the payload says, and what is remarkable about it, as the registry reads them; --verify
checks that the entry, its Receipt and the trust file agree. Exit status as attestry query statements.

Examples:
  $ attestry query show 05d395aa… --url https://log.example.org
  $ attestry query show 05d395aa… --url https://log.example.org --verify --trust trust.json
`

/** Values of one list that people are shown; programs get all. */
const SHOWN_MAX = 40

export function addQueryShow(query: Command): void {
  const command = addCommand(query, 'show', { description: 'show one entry, decoded', help: HELP })
  addLookupOptions(command)
    .argument('ENTRYID', 'SHA-256 of the entry, 64 hex digits', parseEntryId)
    .action(run(show))
}

async function show(entryId: string, options: LookupOptions): Promise<Report> {
  const client = openClient(options)
  const verifier = await RowVerifier.from(client, options)
  const view = await client.view(entryId)
  const check = await verifier?.check(view.row)
  return {
    exitCode: exitCodeOf(check === undefined ? undefined : [check]),
    json: check === undefined ? view.json : { ...view.json, check },
    lines: [...summary(view, check), ...details(view), ...findings(view.facts.findings)],
  }
}

function summary({ row, treeSize, json }: StatementView, check: RowCheck | undefined): Line[] {
  const headers = (json['headers'] ?? {}) as { readonly algorithm?: unknown; readonly issuedAt?: unknown } // prettier-ignore
  const { envelope } = row
  return fields([
    ['entry id', row.entryId],
    ['index', `${formatNumber(row.index)} in a tree of ${formatNumber(treeSize)}`],
    ['registered', formatTime(row.registeredAt)],
    ['lag', lagText(json['registrationLag'])],
    ['delegated by', delegationText(json['delegatedBy'])],
    ['kind', row.kind],
    ['type', row.type === '' ? undefined : row.type],
    ['issuer', row.issuer],
    ['subject', row.subject],
    ['signer', row.signer],
    ['algorithm', typeof headers.algorithm === 'string' ? headers.algorithm : undefined],
    ['issued at', typeof headers.issuedAt === 'number' ? formatTime(headers.issuedAt) : undefined],
    ['content type', row.contentType],
    ['content', envelope === undefined ? undefined : contentText(envelope, json)],
    ['check', check === undefined ? undefined : checkText(check)],
  ])
}

/** The row says what the index read, which stays so when the content is deleted. */
function contentText(
  { digest, preimage }: NonNullable<StatementRow['envelope']>,
  { preimagePrunedBy: prunedBy }: JsonMembers,
): string {
  if (typeof prunedBy !== 'string') return `${digest}, ${preimage}`
  return `${digest}, ${preimage === 'read' ? 'read, since ' : ''}pruned by entry ${prunedBy}`
}

/** R8: what a breach is bounded by. A build that ends later than it is registered has a wrong clock. */
function lagText(seconds: unknown): string | undefined {
  if (typeof seconds !== 'number') return undefined
  const when = seconds < 0 ? 'before' : 'after'
  return `${formatNumber(Math.abs(seconds))} s ${when} the end that the statement names`
}

function delegationText(entryIds: unknown): string | undefined {
  return Array.isArray(entryIds) ? entryIds.join(', then ') : undefined
}

function details({ facts }: StatementView): Line[] {
  const { digests, attributes, numbers } = facts
  return [
    ...section(
      ['ROLE', 'DIGEST'],
      digests.map(({ role, algorithm, value }) => [role, `${algorithm}:${value}`]),
    ),
    ...section(
      ['NAME', 'VALUE'],
      [
        ...attributes.map(({ name, value }) => [name, value]),
        ...numbers.map(({ name, value }) => [name, numberText(name, value)]),
      ],
    ),
  ]
}

function section(titles: readonly [string, string], rows: readonly (readonly string[])[]): Line[] {
  if (rows.length === 0) return []
  const columns = [{ title: titles[0] }, { title: titles[1], min: 20 }]
  const [head, ...lines] = table(columns, rows.slice(0, SHOWN_MAX), terminalWidth())
  const rest = rows.length - SHOWN_MAX
  return [
    '',
    { text: head!, tone: 'strong' },
    ...lines,
    ...(rest > 0 ? [`and ${formatNumber(rest)} more (--json shows all)`] : []),
  ]
}

function numberText(name: string, value: number): string {
  return /-on$|-time$|-date$/.test(name) ? formatTime(value) : String(value)
}

function findings(list: readonly Finding[]): Line[] {
  if (list.length === 0) return []
  return [
    '',
    ...list.map(({ code, pointer, message }): Line => {
      const where = pointer === undefined || pointer === '' ? '' : ` at ${pointer}`
      return { text: `finding ${code}${where}: ${message}`, tone: 'warn' }
    }),
  ]
}
