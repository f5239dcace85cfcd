/**
 * The id of a request, in problems of ours and in the operator's log. Made when somebody asks for it:
 * most requests have none. Behind a trusted proxy it is the proxy's, so that both logs agree.
 */
import type { Request, Response } from 'express'

const PROXY_ID = /^[A-Za-z0-9._:-]{1,64}$/

export function requestIdOf(req: Request, res: Response, trustProxy: boolean): string {
  const known = res.locals['requestId'] as string | undefined
  if (known !== undefined) return known
  const given = req.headers['x-request-id']
  const isUsable = trustProxy && typeof given === 'string' && PROXY_ID.test(given)
  const requestId = isUsable ? given : crypto.randomUUID()
  res.locals['requestId'] = requestId
  return requestId
}
