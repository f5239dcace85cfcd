/** `GET /consistency/{treeSize1}/{treeSize2}`, ours: the Receipt between two stored heads. */
import type { Request, Response } from 'express'
import { answerImmutable } from './answer.ts'
import type { HttpContext } from './context.ts'
import { parseTreeSize } from './locator.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

export function consistencyResource({ registry }: HttpContext): Resource {
  return {
    path: '/consistency/:treeSize1/:treeSize2',
    get: async (req: Request, res: Response) => {
      const treeSize1 = parseTreeSize(req.params['treeSize1'])
      const treeSize2 = parseTreeSize(req.params['treeSize2'])
      const body = await registry.makeConsistencyReceipt({ treeSize1, treeSize2 })
      answerImmutable(req, res, { type: MEDIA_TYPE.cose, body })
    },
  }
}
