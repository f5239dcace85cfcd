/**
 * `GET /entries/{id}/appraisal`, ours: what the registry itself found of TEE evidence when it was
 * registered, as a Signed Statement of its registrar. Every node signs its own copy of the same content.
 */
import type { Request, Response } from 'express'
import { sha256 } from '../bytes/digest.ts'
import { answerTagged } from './answer.ts'
import type { HttpContext } from './context.ts'
import { answerPending } from './entries.ts'
import { parseEntryId } from './locator.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

/** Not for ever: the registrar key may be replaced, and who asks then wants the signature of the new one. */
const CACHE_CONTROL = 'public, max-age=3600'

export function appraisalResource({ registry }: HttpContext): Resource {
  return {
    path: '/entries/:entryId/appraisal',
    get: async (req: Request, res: Response) => {
      const entryId = parseEntryId(req.params['entryId'])
      const found = await registry.readAppraisal(entryId)
      if (found.status === 'pending') {
        answerPending(res, 204, `/entries/${entryId}/appraisal`)
        return
      }
      const { statement: body } = found
      const type = MEDIA_TYPE.cose
      answerTagged(req, res, { type, body, cacheControl: CACHE_CONTROL, digest: sha256(body) })
    },
  }
}
