/**
 * `POST /batches`, ours: many Signed Statements in one request, for importers and mirrors. Body and
 * answer are CBOR sequences (RFC 8742); the answer has a result for each statement, in their order:
 *
 *     {"status": 201, "entry": tstr, "receipt": bstr}
 *     {"status": 202, "entry": tstr}                       committed, the Receipt comes later
 *     {"status": uint, "problem": map, ? "retry-after": uint}     as RFC 9290 has it
 *
 * Each statement is registered on its own: one that is refused changes nothing for the others. A body
 * that is no sequence is refused whole, before anything is registered.
 */
import type { Request, Response } from 'express'
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import type { CborValue } from '../cbor/decode.ts'
import { decodeCbor } from '../cbor/decode.ts'
import { encodeCbor, encodeHead, joinEncoded } from '../cbor/encode.ts'
import { splitCborSequence } from '../cbor/sequence.ts'
import { InputError, NotFoundError } from '../errors.ts'
import type { Submitter } from '../registry/ports.ts'
import type { RegisterResult } from '../registry/register.ts'
import { answer, NO_STORE } from './answer.ts'
import type { HttpContext } from './context.ts'
import { reportProblem } from './error-handler.ts'
import { countRegistrations, refundRegistration } from './gates.ts'
import { MEDIA_TYPE, mediaTypeName } from './media-type.ts'
import { encodeConciseProblem } from './problem-document.ts'
import { readBody } from './request-body.ts'
import type { Resource } from './resource.ts'
import { authenticateSubmitter, chargeBytes } from './submitter.ts'

const OWN_FAULT = 500

export function batchesResource(context: HttpContext): Resource {
  const { slots, limits } = context
  const { batchBytesMax, batchStatementsMax: itemsMax, bodyBytesMax } = limits
  // Slots bound the memory of bodies: a larger body takes more of them.
  const slotsOfBody = Math.ceil(batchBytesMax / bodyBytesMax)
  return {
    path: '/batches',
    post: async (req: Request, res: Response) => {
      assertSequenceType(req)
      const submitter = await authenticateSubmitter(context, req, res)
      let taken = 0
      const take = (count: number): void => {
        slots.take(count)
        taken += count
      }
      try {
        take(slotsOfBody)
        const body = await readBody(req, res, batchBytesMax)
        const statements = splitCborSequence(body, { itemsMax, itemBytesMax: bodyBytesMax })
        if (statements.length === 0) throw new InputError('ERR_REQUEST', 'the batch is empty')
        take(Math.max(0, statements.length - taken))
        // The request has counted as one already.
        countRegistrations(context, req, statements.length - 1)
        if (submitter !== undefined) context.quotas.owe(submitter, statements.length - 1)
        chargeBytes(context, res, body.length)
        const results = await Promise.all(
          statements.map((bytes) => registerOne(bytes, { context, req, submitter })),
        )
        const headers = { 'Content-Type': MEDIA_TYPE.cborSequence, 'Cache-Control': NO_STORE }
        answer(res, { status: 200, headers, body: concatBytes(...results) })
      } finally {
        slots.release(taken)
      }
    },
  }
}

interface BatchRequest {
  readonly context: HttpContext
  readonly req: Request
  readonly submitter: Submitter | undefined
}

/** The encoded result of one statement; never rejects, so that none fails another. */
async function registerOne(
  bytes: Uint8Array,
  { context, req, submitter }: BatchRequest,
): Promise<Uint8Array> {
  const { registry, observer, monotonicMs } = context
  const startedMs = monotonicMs()
  try {
    const result = await registry.register(bytes, submitter)
    observer?.onRegistered(result.status, monotonicMs() - startedMs)
    if (result.status === 'registered') return encodeRegistered(result)
    return encodeResult({ status: 202, entry: result.entryId })
  } catch (error) {
    const report = reportProblem(context, error)
    if (report.status >= OWN_FAULT) refundRegistration(context, req)
    const { status, retryAfterSeconds } = report
    const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': retryAfterSeconds }
    return encodeResult({ status, problem: decodeCbor(encodeConciseProblem(report)), ...retry })
  }
}

/** What `encodeResult` would write, whose members are in the order of their encodings. */
function encodeRegistered({ entryId, receipt }: Registered): Uint8Array {
  return joinEncoded([
    REGISTERED_HEAD,
    encodeUtf8(entryId),
    REGISTERED_RECEIPT,
    { content: receipt },
  ])
}

type Registered = Extract<RegisterResult, { status: 'registered' }>

const ENTRY_ID_LENGTH = 64
const MAP = 5
const TEXT = 3
const REGISTERED_HEAD: Uint8Array = concatBytes(
  encodeHead(MAP, 3),
  encodeCbor('entry'),
  encodeHead(TEXT, ENTRY_ID_LENGTH),
)
const REGISTERED_RECEIPT: Uint8Array = concatBytes(
  encodeCbor('status'),
  encodeCbor(201),
  encodeCbor('receipt'),
)

function encodeResult(result: Readonly<Record<string, CborValue>>): Uint8Array {
  return encodeCbor(new Map<CborValue, CborValue>(Object.entries(result)))
}

/** @throws NotFoundError `ERR_MEDIA_TYPE`. */
function assertSequenceType({ headers }: Request): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  const type = mediaTypeName(headers['content-type'] ?? '')
  if (type === MEDIA_TYPE.cborSequence && encoding === 'identity') return
  const message = `expected an unencoded body of type ${MEDIA_TYPE.cborSequence}`
  throw new NotFoundError('ERR_MEDIA_TYPE', message)
}
