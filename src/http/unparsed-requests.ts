/**
 * Answers for what Node refuses before Express sees it: bytes that are not HTTP, headers over the
 * limit, requests that do not arrive in time, expectations that nobody meets. Node would answer
 * without a body; we answer with concise problem details (standards.md TS-61).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import { InputError, NotFoundError } from '../errors.ts'
import type { AttestryError } from '../errors.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { encodeConciseProblem } from './problem-document.ts'
import { describeProblem } from './problem.ts'

/** Adds the answers to a server. */
export function answerUnparsedRequests(server: Server): void {
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) socket.destroy()
    else socket.end(encodeAnswer(errorOf(error.code)), () => socket.destroy())
  })
  server.on('checkExpectation', (_req: IncomingMessage, res: ServerResponse) => {
    const error = new NotFoundError('ERR_EXPECTATION', 'only 100-continue can be expected here')
    const body = encodeConciseProblem(describeProblem(error))
    res.writeHead(417, { 'Content-Type': MEDIA_TYPE.conciseProblem, 'Content-Length': body.length })
    res.end(body)
  })
}

/** True when part of an answer is already on its way; more bytes would corrupt it. */
function isAnswering(socket: Duplex): boolean {
  // Node keeps the answer in progress there, and looks at it for the same purpose.
  const { _httpMessage: current } = socket as Duplex & { readonly _httpMessage?: ServerResponse }
  return current?.headersSent === true
}

function errorOf(code: string | undefined): AttestryError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new NotFoundError('ERR_REQUEST_TIMEOUT', 'the request did not arrive in time')
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new NotFoundError('ERR_HEADERS_TOO_LARGE', 'the request headers are too large')
  }
  return new InputError('ERR_REQUEST', 'The request could not be parsed')
}

function encodeAnswer(error: AttestryError): Uint8Array {
  const report = describeProblem(error)
  const body = encodeConciseProblem(report)
  const head = [
    `HTTP/1.1 ${report.status} ${report.title}`,
    `Content-Type: ${MEDIA_TYPE.conciseProblem}`,
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    'Access-Control-Allow-Origin: *',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ]
  return concatBytes(encodeUtf8(`${head.join('\r\n')}\r\n\r\n`), body)
}
