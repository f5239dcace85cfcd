/** The problem that an error is answered with. Its encoding is `problem-document.ts`. */
import { AttestryError, PayloadError, PolicyError, UnavailableError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { INTERNAL, PROBLEMS, PROBLEMS_BY_RULE } from './problem-table.ts'
import type { Problem } from './problem-table.ts'

/** A problem about one request, ready to be encoded. */
export interface ProblemReport {
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly docs: string
  readonly code: ErrorCode
  readonly rule?: string
  /** JSON Pointer into the payload. */
  readonly pointer?: string
  readonly requestId?: string
  readonly retryAfterSeconds?: number
}

/** Clients of SCRAPI give up on longer waits (standards.md §7.3). */
const RETRY_AFTER_SECONDS_MAX = 30

/** The problem that an error of any kind is answered with. */
export function describeProblem(error: unknown): ProblemReport {
  if (!(error instanceof AttestryError)) return describeForeign(error)
  const { code } = error as AttestryError
  const rule = error instanceof PolicyError ? error.rule : undefined
  const hasPointer = error instanceof PolicyError || error instanceof PayloadError
  const pointer = hasPointer ? error.pointer : undefined
  const problem: Problem = PROBLEMS_BY_RULE.get(rule ?? '') ?? PROBLEMS[code]
  return {
    status: problem.status,
    title: problem.title,
    detail: problem.detail ?? error.message,
    docs: problem.docs,
    code,
    ...(rule === undefined ? {} : { rule }),
    ...(pointer === undefined ? {} : { pointer }),
    ...(error instanceof UnavailableError
      ? { retryAfterSeconds: retryAfterSeconds(error.retryAfterSeconds) }
      : {}),
  }
}

/** Whole seconds between 1 and 30. */
export function retryAfterSeconds(seconds: number): number {
  return Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(1, Math.ceil(seconds)))
}

/** Express refuses a path that does not decode with a status; everything else is our own bug. */
function describeForeign(error: unknown): ProblemReport {
  const isBadPath = error instanceof Error && 'status' in error && error.status === 400
  const code = isBadPath ? 'ERR_LOCATOR' : 'ERR_INVARIANT'
  const { status, title, docs } = PROBLEMS[code]
  return { status, title, docs, code, detail: isBadPath ? INVALID_LOCATOR : INTERNAL.detail! }
}

/** The draft's words for a locator that is not of the documented form. */
export const INVALID_LOCATOR = 'Operation locator is not in a valid form'
