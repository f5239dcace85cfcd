/**
 * Writing answers: the headers that every one of them carries, and what caches may do with it. The
 * headers go out in one call, because setting them one by one shows on the write path.
 */
import type { Request, Response } from 'express'
import { encodeBase64url } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { sendBody } from './send-body.ts'

/** Names and values in turn. Any page may verify: nothing depends on who asks (standards.md §5.5). */
const COMMON_HEADERS: readonly string[] = [
  ...['Access-Control-Allow-Origin', '*'],
  ...['Access-Control-Expose-Headers', 'Location, Retry-After, ETag, Allow, Content-Length'],
  ...['X-Content-Type-Options', 'nosniff'],
]

/** For what changes, and for every error: one cached proof for two requests has hurt logs before. */
export const NO_STORE = 'no-store'
const IMMUTABLE = 'public, max-age=31536000, immutable'

/** One answer: its status, its headers beside the common ones, its body if it has one. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body?: Uint8Array
}

/** Writes a whole answer. */
export function answer(res: Response, { status, headers, body }: Answer): void {
  sendHead(res, { status, headers }, body?.length)
  if (body === undefined) res.end()
  else sendBody(res, body)
}

/** Writes the status line and the headers; a body of unknown length may follow. */
export function sendHead(
  res: Response,
  { status, headers }: Omit<Answer, 'body'>,
  length?: number,
): void {
  // Node takes a flat list as it is; an object it would take apart again.
  const list: (string | number)[] = COMMON_HEADERS.slice()
  for (const name in headers) list.push(name, headers[name]!)
  if (length !== undefined) list.push('Content-Length', length)
  res.writeHead(status, list as string[])
}

/** Answers 200 with something that may be different next time. */
export function answerMutable(res: Response, type: string, body: Uint8Array): void {
  const headers = { 'Content-Type': type, 'Cache-Control': NO_STORE }
  answer(res, { status: 200, headers, body })
}

/** Answers 200 with JSON that may be different next time. */
export function answerJson(res: Response, value: unknown): void {
  answerMutable(res, MEDIA_TYPE.json, encodeUtf8(JSON.stringify(value)))
}

/** Answers 200 with something that has these bytes for ever, or 304. */
export function answerImmutable(
  req: Request,
  res: Response,
  content: { readonly type: string; readonly body: Uint8Array },
): void {
  answerTagged(req, res, { ...content, cacheControl: IMMUTABLE, digest: sha256(content.body) })
}

/** Bytes with their digest, and what caches may do with them. */
export interface TaggedContent {
  readonly type: string
  readonly body: Uint8Array
  readonly cacheControl: string
  /** SHA-256 of the bytes, before any content encoding. */
  readonly digest: Uint8Array
  /** Further headers; `Content-Encoding` also makes another ETag. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers 200 with an ETag, or 304. */
export function answerTagged(req: Request, res: Response, content: TaggedContent): void {
  const encoding = content.headers?.['Content-Encoding']
  const suffix = encoding === undefined ? '' : `-${encoding}`
  const etag = `"${encodeBase64url(content.digest)}${suffix}"`
  const headers = { 'Cache-Control': content.cacheControl, ...content.headers, ETag: etag }
  if (isKnown(req.headers['if-none-match'], etag)) answer(res, { status: 304, headers })
  else {
    const { type, body } = content
    answer(res, { status: 200, headers: { 'Content-Type': type, ...headers }, body })
  }
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  // RFC 9110 §13.1.2: an asterisk stands for whatever there is.
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
