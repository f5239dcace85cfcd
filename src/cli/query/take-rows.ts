/** Rows of a look-up's pages, up to a number of them. */

interface Page<Row> {
  readonly treeSize: number
  readonly statements: readonly Row[]
  readonly next?: string
}

export interface TakenRows<Row, Taken> {
  readonly rows: readonly Row[]
  /** The pages that were read for them. */
  readonly pages: readonly Taken[]
  readonly treeSize: number
  readonly hasMore: boolean
}

/** Reads pages until there are `limit` rows or no more. */
export async function takeRows<Row, Taken extends Page<Row>>(
  pages: AsyncIterable<Taken & Page<Row>>,
  limit: number,
): Promise<TakenRows<Row, Taken>> {
  const rows: Row[] = []
  const read: Taken[] = []
  let [treeSize, hasMore] = [0, false]
  for await (const page of pages) {
    read.push(page)
    treeSize = page.treeSize
    hasMore = page.next !== undefined || rows.length + page.statements.length > limit
    rows.push(...page.statements.slice(0, limit - rows.length))
    if (rows.length === limit) break
  }
  return { rows, pages: read, treeSize, hasMore }
}
