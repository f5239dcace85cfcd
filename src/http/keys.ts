/**
 * `GET /.well-known/scitt-keys` and `/{kid}`, SCRAPI draft-11 §2.1 and §2.2: a COSE_KeySet, and one
 * COSE_Key. They may be cached for a while; a client that meets an unknown kid asks again.
 */
import type { Request, Response } from 'express'
import { answer } from './answer.ts'
import type { HttpContext } from './context.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

const HEADERS = { 'Content-Type': MEDIA_TYPE.cbor, 'Cache-Control': 'public, max-age=300' } as const

export function keySetResource({ registry }: HttpContext): Resource {
  return {
    path: '/.well-known/scitt-keys',
    get: (_req: Request, res: Response) => {
      answer(res, { status: 200, headers: HEADERS, body: registry.keys.encodeKeySet() })
    },
  }
}

export function keyResource({ registry }: HttpContext): Resource {
  return {
    path: '/.well-known/scitt-keys/:kid',
    get: (req: Request, res: Response) => {
      const body = registry.keys.encodeKey(String(req.params['kid']))
      answer(res, { status: 200, headers: HEADERS, body })
    },
  }
}
