/**
 * A transparency service as an injected fetch function: a script of answers per method and path, the
 * requests that were made, and the waits between them. No sockets, no clock.
 */
import type { Fetch } from '../../src/client/exchange.ts'
import { ScrapiClient } from '../../src/client/scrapi-client.ts'
import type { ScrapiClientOptions } from '../../src/client/scrapi-client.ts'

/** One answer. The last answer of a script is repeated. */
export interface Scripted {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array | string
}

export interface Request {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly redirect: string | undefined
  readonly body: unknown
}

export class FakeService {
  readonly requests: Request[] = []
  readonly waits: number[] = []
  readonly #script: Map<string, Scripted[]>
  readonly #origin: string

  constructor(script: Record<string, Scripted | Scripted[]>, origin = 'https://ts.example') {
    this.#origin = origin
    this.#script = new Map(
      Object.entries(script).map(([key, value]) => [
        key,
        Array.isArray(value) ? [...value] : [value],
      ]),
    )
  }

  readonly fetch: Fetch = (url, init) => {
    const method = init.method ?? 'GET'
    this.requests.push({
      method,
      url,
      headers: init.headers as Record<string, string>,
      redirect: init.redirect,
      body: init.body,
    })
    const path = url.startsWith(this.#origin) ? url.slice(this.#origin.length) : url
    const answers = this.#script.get(`${method} ${path}`)
    const answer = (answers?.length ?? 0) > 1 ? answers?.shift() : answers?.[0]
    return Promise.resolve(toResponse(answer ?? { status: 404, body: 'no such route' }))
  }

  client(options: Partial<ScrapiClientOptions> = {}): ScrapiClient {
    return new ScrapiClient({ ...this.options(), ...options })
  }

  /** What makes any client talk to this service. */
  options(): ScrapiClientOptions {
    return {
      url: this.#origin,
      fetch: this.fetch,
      wait: (milliseconds) => {
        this.waits.push(milliseconds)
        return Promise.resolve()
      },
      random: () => 0.5,
    }
  }

  get paths(): string[] {
    return this.requests.map(({ method, url }) => `${method} ${url.replace(this.#origin, '')}`)
  }
}

function toResponse({ status, headers, body }: Scripted): Response {
  const content = body instanceof Uint8Array ? new Uint8Array(body) : body
  return new Response(content ?? null, { status, ...(headers === undefined ? {} : { headers }) })
}
