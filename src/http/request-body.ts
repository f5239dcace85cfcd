/**
 * Bodies of registrations and payloads, bounded before they are buffered: a length that is too large
 * is refused unread, and a body of unknown length as soon as it is too long. What a refused client
 * still sends is read and dropped, so that it gets to read the answer.
 */
import type { Request, Response } from 'express'
import { concatBytes } from '../bytes/bytes.ts'
import { InputError, NotFoundError } from '../errors.ts'
import { MEDIA_TYPE, mediaTypeName, mediaTypeParameter } from './media-type.ts'

/** Bytes that a refused client may still send before its connection is cut. */
const DROPPED_BYTES_MAX = 16 * 1024 * 1024

/**
 * Returns when the body is declared to be a Signed Statement.
 * @throws NotFoundError `ERR_MEDIA_TYPE`.
 */
export function assertStatementType({ headers }: Request): void {
  const type = headers['content-type'] ?? ''
  const encoding = headers['content-encoding'] ?? 'identity'
  const isStatement =
    type === MEDIA_TYPE.cose || isCoseSign1(type) || mediaTypeName(type) === MEDIA_TYPE.statement
  if (isStatement && encoding === 'identity') return
  throw new NotFoundError(
    'ERR_MEDIA_TYPE',
    `expected an unencoded body of type ${MEDIA_TYPE.cose} or ${MEDIA_TYPE.statement}`,
  )
}

function isCoseSign1(type: string): boolean {
  if (mediaTypeName(type) !== MEDIA_TYPE.cose) return false
  return (mediaTypeParameter(type, 'cose-type') ?? 'cose-sign1') === 'cose-sign1'
}

/** Reads the whole body. Throws as {@link streamBody}. */
export async function readBody(req: Request, res: Response, bytesMax: number): Promise<Uint8Array> {
  // A small body mostly comes with its header, and is here by the time that anybody asks for it.
  const whole = takeWhole(req, bytesMax)
  if (whole !== undefined) return whole
  const chunks: Uint8Array[] = []
  await streamBody(req, res, { bytesMax, onChunk: (chunk) => chunks.push(chunk) })
  return chunks.length === 1 ? chunks[0]! : concatBytes(...chunks)
}

/** The body, if all of its declared bytes are here and nobody has to be told to send them. */
function takeWhole(req: Request, bytesMax: number): Uint8Array | undefined {
  const length = req.readableLength
  const isWhole = length > 0 && Number(req.headers['content-length']) === length
  if (!isWhole || length > bytesMax || req.headers.expect !== undefined) return undefined
  if (req.destroyed) return undefined
  const chunk = req.read() as Uint8Array
  // Its end is still to come, and whoever waits for that would otherwise wait for ever.
  req.resume()
  return plainView(chunk)
}

export interface StreamBodyOptions {
  readonly bytesMax: number
  /** Given the pieces in their order, never more than `bytesMax` bytes of them. */
  readonly onChunk: (chunk: Uint8Array) => void
}

/**
 * Hands the body on piece by piece; resolves at its end.
 * @throws NotFoundError `ERR_BODY_TOO_LARGE`.
 * @throws InputError `ERR_REQUEST` when the client goes away.
 */
export function streamBody(
  req: Request,
  res: Response,
  { bytesMax, onChunk }: StreamBodyOptions,
): Promise<void> {
  const declared = req.headers['content-length']
  if (declared !== undefined && Number(declared) > bytesMax)
    return Promise.reject(tooLarge(bytesMax))
  // Node leaves the answer to "Expect: 100-continue" to us, so a refused body is never sent.
  if (req.headers.expect !== undefined) res.writeContinue()
  return new Promise((resolve, reject) => {
    // Let go of at the limit, so that what it holds is freed while the rest is dropped.
    let sink: typeof onChunk | undefined = onChunk
    let length = 0
    req.on('data', (chunk: Uint8Array) => {
      length += chunk.length
      if (length <= bytesMax) sink?.(plainView(chunk))
      else {
        sink = undefined
        reject(tooLarge(bytesMax))
        if (length > DROPPED_BYTES_MAX) req.destroy()
      }
    })
    let isWhole = false
    req.on('end', () => {
      isWhole = true
      resolve()
    })
    const cutOff = (): void => {
      // Behind the end nothing is cut off any more, and an error costs a stack trace.
      if (!isWhole) reject(new InputError('ERR_REQUEST', 'the request was cut off'))
    }
    req.on('close', cutOff)
    // Who went away before this says neither.
    if (req.destroyed) cutOff()
  })
}

/** Below HTTP bytes are Uint8Array: Buffer's `slice` and `toString` mean something else. */
function plainView(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
}

function tooLarge(bytesMax: number): NotFoundError {
  return new NotFoundError('ERR_BODY_TOO_LARGE', `a request body is at most ${bytesMax} bytes`)
}
