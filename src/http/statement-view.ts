/** `GET /statements/{entryId}`, ours: one entry decoded, with what it says and where its proof is. */
import type { Request, Response } from 'express'
import { encodeHex } from '../bytes/hex.ts'
import { sha256 } from '../bytes/digest.ts'
import { summarize } from '../log/index-store.ts'
import type { Description, Finding } from '../payload/description.ts'
import { answerJson } from './answer.ts'
import type { HttpContext } from './context.ts'
import { contradictionJson, withContradictions } from './evidence-json.ts'
import { headersJson } from './headers-json.ts'
import { parseEntryId } from './locator.ts'
import { QueryParameters } from './query-parameters.ts'
import type { Resource } from './resource.ts'
import { factsJson, rowJson } from './statement-json.ts'

const NO_PARAMETERS: ReadonlySet<string> = new Set()

export function statementViewResource({ registry }: HttpContext): Resource {
  return {
    path: '/statements/:entryId',
    get: async (req: Request, res: Response) => {
      const entryId = parseEntryId(req.params['entryId'])
      new QueryParameters(req.url, NO_PARAMETERS)
      const found = await registry.describeEntry(entryId)
      const { treeSize, statement, record, contradictions, prunedBy } = found
      const { delegation, registrationLag } = found
      const { payload } = statement.message
      const { envelope } = record
      answerJson(res, {
        treeSize,
        ...rowJson(summarize(record)),
        ...factsJson(
          withFinding(delegation?.finding, withContradictions(record.description, contradictions)),
        ),
        registrationLag,
        delegatedBy: delegation?.entryIds,
        headers: headersJson(statement),
        entryBytes: statement.entry.length,
        payload:
          payload === null
            ? undefined
            : { bytes: payload.length, sha256: encodeHex(sha256(payload)) },
        contradictions:
          contradictions.length === 0 ? undefined : contradictions.map(contradictionJson),
        preimage: envelope === undefined ? undefined : `/payloads/${envelope.digest}`,
        preimagePrunedBy: prunedBy === undefined ? undefined : encodeHex(prunedBy),
      })
    },
  }
}

function withFinding(finding: Finding | undefined, description: Description): Description {
  if (finding === undefined) return description
  return { ...description, findings: [...description.findings, finding] }
}
