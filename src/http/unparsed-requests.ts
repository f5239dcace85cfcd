/**
 * Answers for what is refused before Express sees it: bytes that are not HTTP, headers over the
 * limit, requests that do not arrive in time, expectations that nobody meets, requests without a host,
 * and tunnels. Node would answer without a body, or not at all; we answer with concise problem details
 * (standards.md TS-61).
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import { InputError, NotFoundError } from '../errors.ts'
import type { AttestryError } from '../errors.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { encodeConciseProblem } from './problem-document.ts'
import { describeProblem } from './problem.ts'

/**
 * Has `handle` answer a server's requests, and answers here what is none of them. The server is made without
 * a listener, and with `requireHostHeader: false`: a missing host is answered here, too.
 */
export function answerRequests(server: Server, handle: RequestListener): void {
  const withHost = requireHost(handle)
  server.on('request', withHost)
  // Without this, Node asks for the body by itself; `readBody` does, once it wants it.
  server.on('checkContinue', withHost)
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) socket.destroy()
    else socket.end(encodeAnswer(errorOf(error.code)), () => socket.destroy())
  })
  server.on('checkExpectation', (_req: IncomingMessage, res: ServerResponse) => {
    answerWith(res, new NotFoundError('ERR_EXPECTATION', 'only 100-continue can be expected here'))
  })
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    // Node has let go of the socket, with its errors.
    socket.on('error', () => socket.destroy())
    const error = new InputError('ERR_REQUEST', 'CONNECT asks for a tunnel, and this is no proxy')
    socket.end(encodeAnswer(error), () => socket.destroy())
  })
}

/** Hands on what names its host, which HTTP/1.1 demands. */
function requireHost(handle: RequestListener): RequestListener {
  return (req, res) => {
    if (req.headers.host !== undefined || req.httpVersion === '1.0') handle(req, res)
    else {
      res.shouldKeepAlive = false
      answerWith(res, new InputError('ERR_REQUEST', 'an HTTP/1.1 request names its host'))
    }
  }
}

function answerWith(res: ServerResponse, error: AttestryError): void {
  const report = describeProblem(error)
  const body = encodeConciseProblem(report)
  const type = MEDIA_TYPE.conciseProblem
  res.writeHead(report.status, { 'Content-Type': type, 'Content-Length': body.length })
  res.end(body)
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
