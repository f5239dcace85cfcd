/**
 * `POST /entries` and `GET /entries/{id}`, SCRAPI draft-11 §2.3 and §2.4. A registration is
 * answered 201 with its Receipt; 202 only for what is committed and waits for its signature, and
 * then 204 at its Location until it is 200. The Location is the same in all cases.
 */
import type { Request, Response } from 'express'
import { answer, NO_STORE } from './answer.ts'
import type { HttpContext } from './context.ts'
import { parseEntryId } from './locator.ts'
import { chooseType, MEDIA_TYPE } from './media-type.ts'
import { assertStatementType, readBody } from './request-body.ts'
import type { Resource } from './resource.ts'
import { authenticateSubmitter, chargeBytes } from './submitter.ts'

/** Clients poll at most 8 to 20 times; a signature is a matter of moments. */
const POLL_SECONDS = 1
const NO_BYTES: Uint8Array = new Uint8Array(0)
/** Plain `application/cose` unless asked: some clients compare the name (standards.md §7.2). */
const RECEIPT_FORMS = { usual: MEDIA_TYPE.cose, alternative: MEDIA_TYPE.receipt }

/** The collection: registration. */
export function entriesResource(context: HttpContext): Resource {
  const { registry, slots, limits, observer, monotonicMs } = context
  return {
    path: '/entries',
    post: async (req: Request, res: Response) => {
      const startedMs = monotonicMs()
      assertStatementType(req)
      // Before the body: who may not register sends none.
      const submitter = await authenticateSubmitter(context, req, res)
      slots.take()
      try {
        const body = await readBody(req, res, limits.bodyBytesMax)
        chargeBytes(context, res, body.length)
        const result = await registry.register(body, submitter)
        const location = locationOf(result.entryId)
        if (result.status === 'pending') answerPending(res, 202, location)
        else answerReceipt(req, res, { status: 201, location, receipt: result.receipt })
        observer?.onRegistered(result.status, monotonicMs() - startedMs)
      } finally {
        slots.release()
      }
    },
  }
}

/** One entry: its Receipt, fresh each time. */
export function entryResource({ registry }: HttpContext): Resource {
  return {
    path: '/entries/:entryId',
    get: async (req: Request, res: Response) => {
      const entryId = parseEntryId(req.params['entryId'])
      const location = locationOf(entryId)
      const resolved = await registry.resolveReceipt(entryId)
      if (resolved.status === 'pending') answerPending(res, 204, location)
      else answerReceipt(req, res, { status: 200, location, receipt: resolved.receipt })
    },
  }
}

/** Answers that the Receipt comes later, at `location`. */
export function answerPending(res: Response, status: 202 | 204, location: string): void {
  const headers = { Location: location, 'Retry-After': POLL_SECONDS, 'Cache-Control': NO_STORE }
  answer(res, { status, headers, ...(status === 202 ? { body: NO_BYTES } : {}) })
}

/** Relative, so that it holds behind any proxy and under any name. */
function locationOf(entryId: string): string {
  return `/entries/${entryId}`
}

function answerReceipt(
  req: Request,
  res: Response,
  found: { readonly status: 200 | 201; readonly location: string; readonly receipt: Uint8Array },
): void {
  const headers = {
    'Content-Type': chooseType(req.headers.accept, RECEIPT_FORMS),
    Location: found.location,
    'Cache-Control': NO_STORE,
  }
  answer(res, { status: found.status, headers, body: found.receipt })
}
