/**
 * The port through which requests become spans of a distributed trace, and what the HTTP surface does
 * with it. Where nobody traces there is no tracer and none of this runs. A span has no query, no body,
 * no token and no address of a client. Adapter: `app/traces.ts`.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Request, Response } from 'express'
import { requestIdOf } from './request-id.ts'

/** How a request ended. */
export interface TracedAnswer {
  /** The resource's path with the names of its parameters; undefined where there is no such resource. */
  readonly route: string | undefined
  readonly status: number
  readonly requestId: string
  /** The connection ended before the answer did. */
  readonly isAborted: boolean
}

/** The span of one request. */
export interface RequestSpan {
  /** Runs the rest of the request as part of the span; throws what it throws. */
  run(handle: () => void): void
  end(answer: TracedAnswer): void
}

/** Never throws by itself. */
export interface HttpTracer {
  /** Headers may name the trace that the request belongs to. */
  begin(request: {
    readonly method: string
    readonly path: string
    readonly isSecure: boolean
    readonly headers: IncomingHttpHeaders
  }): RequestSpan
}

const PATH_MAX = 200

/** Runs `handle` in a span that ends with the answer, or with its connection. */
export function traceRequest(
  { tracer, trustProxy }: { readonly tracer: HttpTracer; readonly trustProxy: boolean },
  { req, res }: { readonly req: Request; readonly res: Response },
  handle: () => void,
): void {
  const { method, secure: isSecure, headers } = req
  const span = tracer.begin({ method, path: req.path.slice(0, PATH_MAX), isSecure, headers })
  res.once('close', () => {
    const route = req.route as { readonly path: string } | undefined
    span.end({
      route: route?.path,
      status: res.statusCode,
      requestId: requestIdOf(req, res, trustProxy),
      isAborted: !res.writableFinished,
    })
  })
  span.run(handle)
}
