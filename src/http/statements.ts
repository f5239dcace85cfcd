/** `GET /entries/{id}/statement`, ours: the entry with its first Receipt attached (RFC 9943 §7). */
import type { Request, Response } from 'express'
import { answerMutable } from './answer.ts'
import type { HttpContext } from './context.ts'
import { answerPending } from './entries.ts'
import { parseEntryId } from './locator.ts'
import { chooseType, MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

const STATEMENT_FORMS = { usual: MEDIA_TYPE.cose, alternative: MEDIA_TYPE.statement }

export function statementResource({ registry }: HttpContext): Resource {
  return {
    path: '/entries/:entryId/statement',
    get: async (req: Request, res: Response) => {
      const entryId = parseEntryId(req.params['entryId'])
      const found = await registry.readTransparentStatement(entryId)
      if (found.status === 'pending') {
        answerPending(res, 204, `/entries/${entryId}/statement`)
        return
      }
      const type = chooseType(req.headers.accept, STATEMENT_FORMS)
      answerMutable(res, type, found.transparentStatement)
    },
  }
}
