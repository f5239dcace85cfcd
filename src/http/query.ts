/** `GET /statements`, ours: look-ups of statements, a page at a time (R15). */
import type { Request, Response } from 'express'
import { answerJson } from './answer.ts'
import type { HttpContext } from './context.ts'
import { encodeCursor, PAGE_LIMIT, readPosition } from './cursor.ts'
import { QueryParameters } from './query-parameters.ts'
import type { Resource } from './resource.ts'
import { readFilter } from './statement-filters.ts'
import { FILTER_PARAMETERS } from './filter-parameters.ts'
import { factsJson, rowJson } from './statement-json.ts'

const KNOWN = new Set([...FILTER_PARAMETERS, 'order', 'limit', 'cursor', 'facts'])
/** What may change from page to page. */
const NOT_OF_THE_QUERY = ['cursor', 'limit']

export function statementsResource({ registry }: HttpContext): Resource {
  return {
    path: '/statements',
    get: async (req: Request, res: Response) => {
      const parameters = new QueryParameters(req.url, KNOWN)
      const fingerprint = parameters.fingerprint(NOT_OF_THE_QUERY)
      const position = readPosition(parameters, fingerprint)
      const page = await registry.queryStatements({
        query: {
          ...readFilter(parameters),
          order: parameters.word('order', ['ascending', 'descending']) ?? 'descending',
          limit: parameters.integer('limit', PAGE_LIMIT) ?? PAGE_LIMIT.usual,
        },
        facts: parameters.word('facts', ['0', '1']) === '1',
        ...position,
      })
      const { next, treeSize } = page
      answerJson(res, {
        treeSize,
        statements: page.statements.map(({ row, record }) =>
          record === undefined
            ? rowJson(row)
            : { ...rowJson(row), facts: factsJson(record.description) },
        ),
        next: next === undefined ? undefined : encodeCursor(next, fingerprint),
      })
    },
  }
}
