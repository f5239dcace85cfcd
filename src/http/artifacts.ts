/** `GET /artifacts/{digest}`, ours: everything about one artifact, in both directions (R15). */
import type { Request, Response } from 'express'
import { InputError, NotFoundError } from '../errors.ts'
import type { ArtifactStatement } from '../registry/describe-artifact.ts'
import type { HttpContext } from './context.ts'
import { answerJson } from './answer.ts'
import { encodeCursor, PAGE_LIMIT, readPosition } from './cursor.ts'
import { INVALID_LOCATOR } from './problem.ts'
import { QueryParameters } from './query-parameters.ts'
import type { Resource } from './resource.ts'
import { parseDigest } from './statement-filters.ts'
import { boundEvidenceJson } from './evidence-json.ts'
import { findingJson, relatedJson, rowJson } from './statement-json.ts'

const KNOWN = new Set(['limit', 'cursor'])
/** Less than a list's: every statement comes with what it relates the artifact to. */
const ARTIFACT_LIMIT = { ...PAGE_LIMIT, max: 250 }

export function artifactResource({ registry }: HttpContext): Resource {
  return {
    path: '/artifacts/:digest',
    get: async (req: Request, res: Response) => {
      const digest = parseLocator(req.params['digest'])
      const parameters = new QueryParameters(req.url, KNOWN)
      const fingerprint = `artifact ${digest.algorithm}:${digest.value}`
      const artifact = await registry.describeArtifact({
        digest,
        limit: parameters.integer('limit', ARTIFACT_LIMIT) ?? ARTIFACT_LIMIT.usual,
        ...readPosition(parameters, fingerprint),
      })
      const { treeSize, aliases, statements, next } = artifact
      answerJson(res, {
        treeSize,
        artifact: digest,
        aliases,
        statements: statements.map(statementJson),
        next: next === undefined ? undefined : encodeCursor(next, fingerprint),
      })
    },
  }
}

/** @throws NotFoundError `ERR_LOCATOR`. */
function parseLocator(text: unknown): ReturnType<typeof parseDigest> {
  try {
    return parseDigest(String(text))
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    const reason = cause.message.replace(/^query: /, '')
    throw new NotFoundError('ERR_LOCATOR', `${INVALID_LOCATOR}: ${reason}`, { cause })
  }
}

function statementJson({ row, roles, findings, ...related }: ArtifactStatement): object {
  return {
    ...rowJson(row),
    roles,
    findings: findings.map(findingJson),
    dependencies: relatedJson(related.dependencies),
    subjects: relatedJson(related.subjects),
    evidence: related.evidence?.map(boundEvidenceJson),
    buildEnvironment: related.buildEnvironment,
  }
}
