/** `GET /collateral/sha256:{hex}`: what an admission used beside the statement. It never changes. */
import type { Request, Response } from 'express'
import { NotFoundError } from '../errors.ts'
import { answerImmutable } from './answer.ts'
import type { HttpContext } from './context.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { INVALID_LOCATOR } from './problem.ts'
import type { Resource } from './resource.ts'

const DIGEST = /^sha256:([0-9a-f]{64})$/

export function collateralResource({ registry }: HttpContext): Resource {
  return {
    path: '/collateral/:digest',
    get: async (req: Request, res: Response) => {
      const [, hex] = DIGEST.exec(String(req.params['digest'])) ?? []
      if (hex === undefined) {
        throw new NotFoundError(
          'ERR_LOCATOR',
          `${INVALID_LOCATOR}: collateral is named sha256: and 64 lowercase hex digits`,
        )
      }
      const body = await registry.readCollateral(hex)
      answerImmutable(req, res, { type: MEDIA_TYPE.bytes, body })
    },
  }
}
