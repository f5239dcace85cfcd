/** `GET /artifacts`, ours: what was built in environments of a kind, by evidence that is bound to it. */
import type { Request, Response } from 'express'
import type { BuiltArtifacts } from '../registry/built-artifacts.ts'
import { answerJson } from './answer.ts'
import type { HttpContext } from './context.ts'
import { encodeCursor, PAGE_LIMIT, readPosition } from './cursor.ts'
import { boundEvidenceJson } from './evidence-json.ts'
import { QueryParameters, refuse } from './query-parameters.ts'
import type { Resource } from './resource.ts'
import { readFilter } from './statement-filters.ts'
import { NUMBER_PARAMETERS } from './filter-parameters.ts'
import { relatedJson, rowJson } from './statement-json.ts'

/** Parameters that say which evidence; those of `GET /statements` that evidence can pass. */
export const EVIDENCE_PARAMETERS: readonly string[] = [
  ...['advisory', 'binding', 'boundKey', 'debug', 'fmspc', 'measurement', 'platformCertificate'],
  ...['tcbStatus', 'tcbSvnBelow', 'teeType', 'registeredFrom', 'registeredTo'],
  ...NUMBER_PARAMETERS.filter(({ name }) => name !== 'score').flatMap(({ from, to }) => [from, to]),
]
const KNOWN = new Set([...EVIDENCE_PARAMETERS, 'limit', 'cursor'])
const NOT_OF_THE_QUERY = ['cursor', 'limit']
/** Less than a list's: each row comes with its evidence. */
const BUILT_LIMIT = { ...PAGE_LIMIT, max: 250 }

export function builtArtifactsResource({ registry }: HttpContext): Resource {
  return {
    path: '/artifacts',
    get: async (req: Request, res: Response) => {
      const parameters = new QueryParameters(req.url, KNOWN)
      if (!EVIDENCE_PARAMETERS.some((name) => parameters.many(name).length > 0)) {
        refuse(`say which environments, by one of ${EVIDENCE_PARAMETERS.join(', ')}`)
      }
      const fingerprint = `built ${parameters.fingerprint(NOT_OF_THE_QUERY)}`
      const { treeSize, rows, next } = await registry.findBuiltArtifacts({
        query: readFilter(parameters),
        limit: parameters.integer('limit', BUILT_LIMIT) ?? BUILT_LIMIT.usual,
        ...readPosition(parameters, fingerprint),
      })
      answerJson(res, {
        treeSize,
        builds: rows.map(builtJson),
        next: next === undefined ? undefined : encodeCursor(next, fingerprint),
      })
    },
  }
}

function builtJson({ provenance, subjects, evidence }: BuiltArtifacts): object {
  return {
    artifacts: relatedJson(subjects),
    provenance: rowJson(provenance),
    evidence: boundEvidenceJson(evidence),
  }
}
