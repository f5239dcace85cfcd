/**
 * What a request passes before its handler: the rate limit, and the notice that a connection ends
 * because the server does. Health checks pass without a limit; they must not be starved.
 */
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { clientOf } from './client-address.ts'
import type { HttpContext } from './context.ts'
import type { HttpLimits } from './limits.ts'
import type { RequestKind } from './observer.ts'
import { refundSubmitter } from './submitter.ts'
import { traceRequest } from './tracer.ts'

/** The gate of one kind of request, or the one without a limit. */
export function createGate(context: HttpContext, kind: RequestKind | undefined): RequestHandler {
  const enter = (req: Request, res: Response, next: NextFunction): void => {
    if (context.isDraining()) res.shouldKeepAlive = false
    context.accessLog?.begin(req, res)
    context.observer?.onRequest(kind ?? 'health')
    if (kind !== undefined) {
      context[kind].take(limitedClient(req, context.limits, kind))
      // From here on the request counts; the error handler gives it back when the fault is ours.
      res.locals['counted'] = kind
    }
    next()
  }
  const { tracer, limits } = context
  if (tracer === undefined) return enter
  const { trustProxy } = limits
  return (req, res, next) =>
    traceRequest({ tracer, trustProxy }, { req, res }, () => enter(req, res, next))
}

/**
 * Counts more registrations of a request that was let in: it may run into debt, and pays it back before
 * the next one is let in.
 */
export function countRegistrations(context: HttpContext, req: Request, count: number): void {
  context.registrations.owe(limitedClient(req, context.limits, 'registrations'), count)
}

/** Gives one registration of a batch back. */
export function refundRegistration(context: HttpContext, req: Request): void {
  context.registrations.refund(limitedClient(req, context.limits, 'registrations'))
}

/** Gives a counted request back. */
export function refundRequest(context: HttpContext, req: Request, res: Response): void {
  const kind = res.locals['counted'] as RequestKind | undefined
  if (kind !== undefined) context[kind].refund(limitedClient(req, context.limits, kind))
  refundSubmitter(context, res)
}

function limitedClient(req: Request, limits: HttpLimits, kind: RequestKind): string | undefined {
  const { loopbackIsExempt } = kind === 'reads' ? limits.readRate : limits.registrationRate
  return clientOf(req, { trustProxy: limits.trustProxy, loopbackIsExempt })
}
