/**
 * `GET /log-key`, `/log-keys` and `/tlog-policy`: what a C2SP client is configured with. They change
 * with a rotation of the checkpoint key or another set of witnesses only.
 */
import type { Request, Response } from 'express'
import { answer } from './answer.ts'
import type { HttpContext } from './context.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

const CACHE_CONTROL = 'public, max-age=300'

function document(
  path: string,
  type: string,
  bodyOf: (context: HttpContext) => Uint8Array,
): (context: HttpContext) => Resource {
  const headers = { 'Content-Type': type, 'Cache-Control': CACHE_CONTROL }
  return (context) => ({
    path,
    get: (_req: Request, res: Response) => {
      answer(res, { status: 200, headers, body: bodyOf(context) })
    },
  })
}

/** The newest verifier key; all of them; a policy file. */
export const LOG_KEY_RESOURCES: readonly ((context: HttpContext) => Resource)[] = [
  document('/log-key', MEDIA_TYPE.text, ({ registry }) => registry.logKeys.logKey),
  document('/log-keys', MEDIA_TYPE.json, ({ registry }) => registry.logKeys.list),
  document('/tlog-policy', MEDIA_TYPE.text, ({ registry }) => registry.logKeys.tlogPolicy),
]
