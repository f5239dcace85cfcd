/** Copies rows of a table from one database into another, a page at a time in the order of a key. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readStored } from './database.ts'
import type { SqliteDatabase } from './database.ts'

/** Column values in their order. */
export type Row = readonly unknown[]

/** An entry has 64 KiB at most, so a page of them has 16 MiB. */
export const ENTRIES_A_PAGE = 256

export interface TableCopy {
  /** A table, with its columns where they are not the rows'. */
  readonly into: string
  /** Takes what stands in `before`, the last key, then `bounds`; its first columns are the key. */
  readonly select: string
  /** A key below the first one, one value a column. */
  readonly after: Row
  readonly before?: Row
  readonly bounds?: Row
  /** Told the last row of each page. */
  readonly onPage?: (last: Row) => void
}

/** Each page is one read transaction and one write transaction, and lets others run afterwards. */
export async function copyPages(
  source: SqliteDatabase,
  target: SqliteDatabase,
  { into, select, after, before = [], bounds = [], onPage }: TableCopy,
): Promise<void> {
  const page = source.prepare(select).raw()
  for (let last = after; ;) {
    const rows = readStored(() => page.all(...before, ...last, ...bounds) as Row[])
    const end = rows.at(-1)
    if (end === undefined) return
    target.transaction(() => insertInto(target, into, rows))()
    last = end.slice(0, after.length)
    onPage?.(end)
    await nextTurn()
  }
}

/** Rows that are there already are left as they are. */
export function insertInto(target: SqliteDatabase, into: string, rows: readonly Row[]): void {
  const [first] = rows
  if (first === undefined) return
  const places = first.map(() => '?').join(', ')
  const insert = target.prepare(`INSERT INTO ${into} VALUES (${places}) ON CONFLICT DO NOTHING`)
  for (const row of rows) insert.run(...row)
}
