/** `GET /schemas/{name}`, ours: JSON Schemas of policies, anchors, delegations and journals. */
import type { Request, Response } from 'express'
import { NotFoundError } from '../errors.ts'
import { answerMutable } from './answer.ts'
import type { HttpContext } from './context.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

export function schemaResource({ schemas }: HttpContext): Resource {
  return {
    path: '/schemas/:name',
    get: (req: Request, res: Response) => {
      const schema = schemas.get(String(req.params['name']))
      if (schema === undefined) throw new NotFoundError('ERR_ROUTE_UNKNOWN', 'no such schema')
      answerMutable(res, MEDIA_TYPE.jsonSchema, schema)
    },
  }
}
