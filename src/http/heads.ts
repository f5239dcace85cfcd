/** `GET /heads/current` and `GET /heads/{treeSize}`, ours: signed tree heads that carry their root. */
import type { Request, Response } from 'express'
import { answerImmutable, answerMutable } from './answer.ts'
import type { HttpContext } from './context.ts'
import { parseTreeSize } from './locator.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

export function currentHeadResource({ registry }: HttpContext): Resource {
  return {
    path: '/heads/current',
    get: (_req: Request, res: Response) => {
      answerMutable(res, MEDIA_TYPE.cose, registry.readCurrentHead())
    },
  }
}

export function headResource({ registry }: HttpContext): Resource {
  return {
    path: '/heads/:treeSize',
    get: async (req: Request, res: Response) => {
      const body = await registry.readHead(parseTreeSize(req.params['treeSize']))
      answerImmutable(req, res, { type: MEDIA_TYPE.cose, body })
    },
  }
}
