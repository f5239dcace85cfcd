/** Copies what a log keeps beside its tree: refusals, payloads and other side tables. */
import type { SideRow } from '../log/side-tables.ts'
import type { PostgresMoveIn } from '../store/postgres/move-in.ts'
import { readSideTables } from '../store/sqlite/side-tables.ts'
import type { DataPaths } from './data-directory.ts'

const SIDE_ROWS = 256
const SIDE_BYTES = 8 * 1024 * 1024

export async function copySideTables({ store }: DataPaths, moveIn: PostgresMoveIn): Promise<void> {
  await moveIn.clearSideTables()
  let [page, bytes]: [SideRow[], number] = [[], 0]
  for (const row of readSideTables(store)) {
    page.push(row)
    bytes += row.table === 'payload' ? row.bytes.length : 0
    if (page.length < SIDE_ROWS && bytes < SIDE_BYTES) continue
    await moveIn.putSideRows(page)
    ;[page, bytes] = [[], 0]
  }
  await moveIn.putSideRows(page)
}
