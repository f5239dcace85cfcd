/** `GET /checkpoint`, C2SP tlog-checkpoint: the published tree head as a signed note. */
import type { Request, Response } from 'express'
import { sha256 } from '../bytes/digest.ts'
import { answerTagged } from './answer.ts'
import type { HttpContext } from './context.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

/** Caches ask every time: a checkpoint should not outlive a few seconds (tlog-tiles). */
const REVALIDATE = 'no-cache'

export function checkpointResource({ registry }: HttpContext): Resource {
  return {
    path: '/checkpoint',
    get: async (req: Request, res: Response) => {
      const body = await registry.checkpoints.encode()
      const type = MEDIA_TYPE.text
      answerTagged(req, res, { type, body, cacheControl: REVALIDATE, digest: sha256(body) })
    },
  }
}
