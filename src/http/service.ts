/**
 * What says how the service is and where things are: `GET /`, `GET /health`, `GET /openapi.yaml`.
 * All ours, all JSON or YAML; this server has no HTML.
 */
import type { Request, Response } from 'express'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { answer, answerMutable, NO_STORE } from './answer.ts'
import type { HttpContext } from './context.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

export function rootResource({ registry }: HttpContext): Resource {
  const body = encodeJson({
    name: 'Attestry transparency registry',
    issuer: registry.issuer,
    origin: registry.origin,
    links: {
      register: '/entries',
      batches: '/batches',
      receipt: '/entries/{entryId}',
      transparentStatement: '/entries/{entryId}/statement',
      receiptAtHead: '/entries/{entryId}/receipts/{treeSize}',
      keys: '/.well-known/scitt-keys',
      currentHead: '/heads/current',
      head: '/heads/{treeSize}',
      consistency: '/consistency/{treeSize1}/{treeSize2}',
      checkpoint: '/checkpoint',
      tile: '/tile/{level}/{index}',
      entryBundle: '/tile/entries/{index}',
      headBundle: '/heads/bundle/{index}',
      tlogProof: '/entries/{entryId}/tlog-proof',
      appraisal: '/entries/{entryId}/appraisal',
      collateral: '/collateral/sha256:{hex}',
      payload: '/payloads/{algorithm}:{hex}',
      logKey: '/log-key',
      logKeys: '/log-keys',
      tlogPolicy: '/tlog-policy',
      statements: '/statements',
      statementView: '/statements/{entryId}',
      artifact: '/artifacts/{digest}',
      builds: '/artifacts',
      feed: '/feed',
      schemas: '/schemas/{name}',
      health: '/health',
      description: '/openapi.yaml',
    },
  })
  return {
    path: '/',
    get: (_req: Request, res: Response) => {
      answerMutable(res, MEDIA_TYPE.json, body)
    },
  }
}

export function healthResource({ registry }: HttpContext): Resource {
  return {
    path: '/health',
    get: async (_req: Request, res: Response) => {
      const health = await registry.checkHealth()
      const headers = { 'Content-Type': MEDIA_TYPE.json, 'Cache-Control': NO_STORE }
      const status = health.status === 'ok' ? 200 : 503
      answer(res, { status, headers, body: encodeJson(health) })
    },
  }
}

export function openapiResource({ openapi }: HttpContext): Resource {
  return {
    path: '/openapi.yaml',
    get: (_req: Request, res: Response) => {
      answerMutable(res, MEDIA_TYPE.yaml, openapi)
    },
  }
}

function encodeJson(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value))
}
