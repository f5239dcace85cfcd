/**
 * The one place where errors become answers. A fault of the client is answered and forgotten; a
 * fault of ours gets a request id, is reported, and is given back to the client's rate limit.
 */
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express'
import type { ErrorCode } from '../errors.ts'
import { answer, NO_STORE } from './answer.ts'
import type { HttpContext } from './context.ts'
import { refundRequest } from './gates.ts'
import { encodeProblem } from './problem-document.ts'
import { describeProblem } from './problem.ts'
import type { ProblemReport } from './problem.ts'
import { requestIdOf } from './request-id.ts'

const OWN_FAULT = 500

/** What a bearer token lacks, in the words of RFC 6750 §3.1; nothing for other errors. */
function challengeOf(code: ErrorCode): Readonly<Record<string, string>> {
  switch (code) {
    case 'ERR_TOKEN_MISSING':
      return { 'WWW-Authenticate': 'Bearer' }
    case 'ERR_TOKEN_INVALID':
      return { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
    case 'ERR_TOKEN_SCOPE':
      return { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }
    default:
      return {}
  }
}

/** What an error is answered with; a fault of ours is told to the operator under a request id. */
export function reportProblem(
  context: HttpContext,
  error: unknown,
  request?: { readonly req: Request; readonly res: Response },
): ProblemReport {
  const described = describeProblem(error)
  context.observer?.onProblem(described)
  if (described.status !== OWN_FAULT) return described
  const requestId =
    request === undefined
      ? crypto.randomUUID()
      : requestIdOf(request.req, request.res, context.limits.trustProxy)
  context.onFailure(error, requestId)
  return { ...described, requestId }
}

export function createErrorHandler(context: HttpContext): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const report = reportProblem(context, error, { req, res })
    if (report.status >= OWN_FAULT) refundRequest(context, req, res)
    if (res.headersSent || res.destroyed) {
      // Too late for words: a cut connection is the only way to say that the answer is not whole.
      res.destroy()
      return
    }
    const document = encodeProblem(report, { path: req.path, accept: req.headers.accept })
    const retryAfter = report.retryAfterSeconds
    const allow = res.locals['allow'] as string | undefined
    const headers = {
      'Content-Type': document.type,
      'Cache-Control': NO_STORE,
      ...(retryAfter === undefined ? {} : { 'Retry-After': retryAfter }),
      ...(allow === undefined ? {} : { Allow: allow }),
      ...challengeOf(report.code),
    }
    answer(res, { status: report.status, headers, body: document.body })
  }
}
