/**
 * One URL and its methods. What is the same for all of them is here: HEAD, OPTIONS with the CORS
 * preflight, and 405 with Allow for every other method.
 */
import type { Request, RequestHandler, Response, Router } from 'express'
import { NotFoundError } from '../errors.ts'
import { answer } from './answer.ts'

/** Handlers of one URL, in Express's path syntax. */
export interface Resource {
  readonly path: string
  readonly get?: RequestHandler
  readonly post?: RequestHandler
  readonly put?: RequestHandler
}

const PREFLIGHT_SECONDS = 86_400

/** Adds a resource to a router, every handler behind `gate`; a PUT may have one of its own. */
export function mountResource(
  router: Router,
  resource: Resource,
  gate: RequestHandler,
  putGate: RequestHandler = gate,
): void {
  const { path, get, post, put } = resource
  const allow = [
    ...(get ? ['GET', 'HEAD'] : []),
    ...(post ? ['POST'] : []),
    ...(put ? ['PUT'] : []),
    'OPTIONS',
  ].join(', ')
  const route = router.route(path)
  if (post !== undefined) route.post(gate, post)
  if (put !== undefined) route.put(putGate, put)
  if (get !== undefined) route.get(gate, get)
  route.options((_req: Request, res: Response) => {
    const headers = {
      Allow: allow,
      'Access-Control-Allow-Methods': allow,
      'Access-Control-Allow-Headers':
        'Accept, Authorization, Content-Type, If-None-Match, Last-Event-ID',
      'Access-Control-Max-Age': PREFLIGHT_SECONDS,
    }
    answer(res, { status: 204, headers })
  })
  route.all((req: Request, res: Response) => {
    // Kept by the error handler, which writes the other headers.
    res.locals['allow'] = allow
    throw new NotFoundError('ERR_METHOD_NOT_ALLOWED', `${req.method} is not one of ${allow}`)
  })
}
