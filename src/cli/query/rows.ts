/** Rows of statements for people and for programs, the same in all look-ups. */
import type { StatementRow } from '../../client/statement-row.ts'
import type { Line } from '../terminal.ts'
import { formatTime } from '../terminal.ts'
import { NOTHING, table, terminalWidth } from './table.ts'
import type { Column } from './table.ts'
import { checkText } from './verify-row.ts'
import type { RowCheck } from './verify-row.ts'

/** A column that only some look-ups have. */
export interface ExtraColumn<Row extends StatementRow> {
  readonly column: Column
  readonly cell: (row: Row) => string
}

const COLUMNS: readonly Column[] = [
  { title: 'INDEX', align: 'right' },
  { title: 'REGISTERED', min: 10, cut: 'rest' },
  { title: 'KIND' },
  { title: 'ISSUER', min: 8, cut: 'middle' },
  { title: 'SUBJECT', min: 10, cut: 'middle' },
  { title: 'FINDINGS', min: 8, isOptional: true },
  { title: 'ENTRY ID', min: 12 },
]

/** A table of rows; with a column of checks where they were made. */
export function rowTable<Row extends StatementRow>(
  rows: readonly Row[],
  checks: readonly RowCheck[] | undefined,
  extras: readonly ExtraColumn<Row>[] = [],
): Line[] {
  const columns = [
    ...COLUMNS.slice(0, 3),
    ...extras.map(({ column }) => column),
    ...COLUMNS.slice(3),
    ...(checks === undefined ? [] : [{ title: 'CHECK', min: 12 }]),
  ]
  const cells = rows.map((row, at) => {
    const check = checks?.[at]
    return [
      ...[String(row.index), formatTime(row.registeredAt), row.kind],
      ...extras.map(({ cell }) => cell(row)),
      ...[
        row.issuer ?? NOTHING,
        row.subject ?? NOTHING,
        row.findings.join(', ') || NOTHING,
        row.entryId,
      ],
      ...(check === undefined ? [] : [checkText(check)]),
    ]
  })
  const [titles, ...lines] = table(columns, cells, terminalWidth())
  return [
    { text: titles!, tone: 'strong' },
    ...lines.map((text, at): Line => {
      const status = checks?.[at]?.status
      if (status === 'wrong') return { text, tone: 'bad' }
      return status === 'cannot-tell' ? { text, tone: 'warn' } : text
    }),
  ]
}

/** A row for programs, with its check where it was made. */
export function rowObject<Row extends StatementRow>(
  row: Row,
  check: RowCheck | undefined,
): Row | (Row & { readonly check: RowCheck }) {
  return check === undefined ? row : { ...row, check }
}
