/** `GET /entries/{id}/tlog-proof`: the entry's proof for C2SP tools, at the published checkpoint. */
import type { Request, Response } from 'express'
import { answerMutable } from './answer.ts'
import type { HttpContext } from './context.ts'
import { answerPending } from './entries.ts'
import { parseEntryId } from './locator.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

export function tlogProofResource({ registry }: HttpContext): Resource {
  return {
    path: '/entries/:entryId/tlog-proof',
    get: async (req: Request, res: Response) => {
      const entryId = parseEntryId(req.params['entryId'])
      const found = await registry.readTlogProof(entryId)
      if (found.status === 'pending') answerPending(res, 204, `/entries/${entryId}/tlog-proof`)
      else answerMutable(res, MEDIA_TYPE.text, found.proof)
    },
  }
}
