/**
 * One HTTP exchange over an injected fetch: time limit, body size limit, no automatic redirects,
 * Retry-After in both forms. Everything that a service may do to a client ends here as a value or
 * as an UnavailableError. No credentials are sent, ever.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { InputError, UnavailableError } from '../errors.ts'

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** An answer, read completely. */
export interface Answer {
  readonly url: string
  readonly status: number
  /** Type name without parameters, in lower case; empty when the service gave none. */
  readonly mediaType: string
  readonly location: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly body: Uint8Array
}

export interface ExchangeOptions {
  readonly fetch: Fetch
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly accept: string
  readonly contentType?: string
  readonly body?: Uint8Array
  readonly bodyBytesMax: number
  readonly timeoutMs: number
}

/**
 * Sends one request and reads the whole answer.
 * @throws UnavailableError `ERR_NETWORK` or `ERR_TIMEOUT` when there is no complete answer.
 * @throws InputError `ERR_RESPONSE` for a body over the limit, or a redirect that a browser hides.
 */
export async function exchange(url: string, options: ExchangeOptions): Promise<Answer> {
  try {
    const response = await options.fetch(url, {
      method: options.method ?? 'GET',
      headers: {
        accept: options.accept,
        ...(options.contentType === undefined ? {} : { 'content-type': options.contentType }),
      },
      ...(options.body === undefined ? {} : { body: new Uint8Array(options.body) }),
      // A redirect is a polling signal in some generations and an attack on key fetching in all.
      redirect: 'manual',
      credentials: 'omit',
      signal: AbortSignal.timeout(options.timeoutMs),
    })
    if (response.type === 'opaqueredirect') {
      throw new InputError('ERR_RESPONSE', `${url} redirects, and a browser does not say where to`)
    }
    return {
      url,
      status: response.status,
      mediaType: mediaTypeOf(response),
      location: response.headers.get('location') ?? undefined,
      retryAfterSeconds: readRetryAfter(
        response.headers.get('retry-after'),
        response.headers.get('date'),
      ),
      body: await readBody(response, options.bodyBytesMax),
    }
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    if (cause instanceof Error && cause.name === 'TimeoutError') {
      const message = `${url} did not answer within ${options.timeoutMs} ms`
      throw new UnavailableError('ERR_TIMEOUT', message, { cause })
    }
    const reason = cause instanceof Error ? rootMessage(cause) : 'unknown reason'
    throw new UnavailableError('ERR_NETWORK', `${url} cannot be reached: ${reason}`, { cause })
  }
}

/**
 * Seconds of a Retry-After field: a number, or an HTTP date, which is taken relative to the same
 * answer's Date because this code has no clock. Undefined when it cannot be read.
 */
export function readRetryAfter(field: string | null, date: string | null): number | undefined {
  if (field === null) return undefined
  const text = field.trim()
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  if (date === null) return undefined
  const seconds = Math.ceil((Date.parse(text) - Date.parse(date)) / 1000)
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined
}

function mediaTypeOf(response: Response): string {
  const field = response.headers.get('content-type') ?? ''
  return field.split(';', 1)[0]!.trim().toLowerCase()
}

/** Stops reading at the limit, so that an endless body costs neither memory nor time. */
async function readBody(response: Response, bytesMax: number): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array()
  const reader = response.body.getReader()
  const parts: Uint8Array[] = []
  let length = 0
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    length += read.value.length
    if (length > bytesMax) {
      // Not awaited: a stream that never settles its cancellation must not hold us.
      reader.cancel().catch(() => undefined)
      throw new InputError('ERR_RESPONSE', `the service's answer is larger than ${bytesMax} bytes`)
    }
    parts.push(read.value)
  }
  return concatBytes(...parts)
}

/** What is at the bottom of an error: fetch wraps the reason, sometimes twice. */
export function rootMessage(error: Error): string {
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message
}
