/** `GET /entries/{id}/receipts/{treeSize}`, ours: the Receipt against one stored head, for ever. */
import type { Request, Response } from 'express'
import { answerImmutable } from './answer.ts'
import type { HttpContext } from './context.ts'
import { parseEntryId, parseTreeSize } from './locator.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

export function receiptResource({ registry }: HttpContext): Resource {
  return {
    path: '/entries/:entryId/receipts/:treeSize',
    get: async (req: Request, res: Response) => {
      const entryId = parseEntryId(req.params['entryId'])
      const treeSize = parseTreeSize(req.params['treeSize'])
      const body = await registry.receiptAtHead(entryId, treeSize)
      answerImmutable(req, res, { type: MEDIA_TYPE.cose, body })
    },
  }
}
