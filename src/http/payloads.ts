/**
 * `PUT` and `GET /payloads/{algorithm}:{hex}`, ours: content of hash envelopes by its digest. An upload
 * is hashed as it arrives and stored only if it is what its name says. What is served is never
 * rendered: bytes of anybody, as bytes.
 */
import type { Request, Response } from 'express'
import { InputError, NotFoundError } from '../errors.ts'
import { formatPayloadName, parsePayloadName } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import { answer, answerImmutable, NO_STORE } from './answer.ts'
import type { HttpContext } from './context.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { INVALID_LOCATOR } from './problem.ts'
import { streamBody } from './request-body.ts'
import type { Resource } from './resource.ts'
import { authenticateSubmitter, chargeBytes } from './submitter.ts'

const NO_BYTES: Uint8Array = new Uint8Array(0)

export function payloadResource(context: HttpContext): Resource {
  const { registry, slots, limits } = context
  const { payloadBytesMax: bytesMax, bodyBytesMax } = limits
  // Slots bound the memory of bodies: a larger body takes more of them.
  const slotsTaken = Math.max(1, Math.ceil(bytesMax / bodyBytesMax))
  return {
    path: '/payloads/:name',
    get: async (req: Request, res: Response) => {
      const body = await registry.readPayload(readName(req))
      answerImmutable(req, res, { type: MEDIA_TYPE.bytes, body })
    },
    put: async (req: Request, res: Response) => {
      const name = readName(req)
      assertWhole(req)
      const submitter = await authenticateSubmitter(context, req, res)
      const upload = await registry.beginUpload(name, submitter)
      slots.take(slotsTaken)
      try {
        let length = 0
        const onChunk = (chunk: Uint8Array): void => {
          length += chunk.length
          upload.write(chunk)
        }
        await streamBody(req, res, { bytesMax, onChunk })
        chargeBytes(context, res, length)
        const isNew = await upload.finish()
        const headers = {
          Location: `/payloads/${formatPayloadName(name)}`,
          'Cache-Control': NO_STORE,
        }
        if (isNew) answer(res, { status: 201, headers, body: NO_BYTES })
        else answer(res, { status: 204, headers })
      } finally {
        slots.release(slotsTaken)
      }
    },
  }
}

/** @throws NotFoundError `ERR_LOCATOR`. */
function readName(req: Request): PayloadName {
  try {
    return parsePayloadName(String(req.params['name']))
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new NotFoundError('ERR_LOCATOR', `${INVALID_LOCATOR}: ${cause.message}`, { cause })
  }
}

/** The digest is over the bytes as they come, and over all of them (RFC 9110 §14.5). */
function assertWhole({ headers }: Request): void {
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new NotFoundError('ERR_MEDIA_TYPE', 'expected an unencoded body')
  }
  if (headers['content-range'] !== undefined) {
    throw new InputError('ERR_REQUEST', 'a payload is uploaded whole, without Content-Range')
  }
}
