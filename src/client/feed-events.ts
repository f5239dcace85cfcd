/**
 * The feed as a stream of events: Server-Sent Events over fetch, connected again and again, each time
 * from the last id. A connection on which nothing comes for longer than the service's heartbeat is
 * given up. At least once and in order, like the feed itself.
 */
import { InputError, UnavailableError } from '../errors.ts'
import { uniformRandom, waitWithTimer } from './ambient.ts'
import { Patience } from './patience.ts'
import type { QueryClient } from './query-client.ts'
import { queryText } from './query-pages.ts'
import type { QueryParameters } from './query-pages.ts'
import { failResponse, parseRow } from './statement-row.ts'
import type { StatementRow } from './statement-row.ts'

/** What the stream says next: an event, or that everything up to a position passes the filter by. */
export interface FeedSignal {
  readonly position: number
  readonly event?: StatementRow
}

export interface FollowOptions {
  /** Filters of the feed. */
  readonly parameters: QueryParameters
  /** Index of the last event that the consumer has; -1 for none. */
  readonly after: number
  readonly signal: AbortSignal
  /** Silence after which a connection is given up; several heartbeats. */
  readonly silenceMs?: number
  readonly wait?: (milliseconds: number) => Promise<void>
  /** Told why a connection ended before the next one is tried. */
  readonly onReconnect?: (error: unknown) => void
}

const SILENCE_MS = 60_000
const EVENT_LENGTH_MAX = 1_048_576

/**
 * Follows the feed until `signal` says stop, or no connection can be made for a while.
 * @throws InputError `ERR_REQUEST` or `ERR_RESPONSE`: trying again would not help.
 * @throws UnavailableError when the service stays away.
 */
export async function* followFeed(
  client: QueryClient,
  options: FollowOptions,
): AsyncGenerator<FeedSignal, void, undefined> {
  let { after } = options
  const isOver = (): boolean => options.signal.aborted
  let patience = newPatience(options)
  while (!isOver()) {
    try {
      for await (const signal of connect(client, { ...options, after })) {
        // It works: the next failure begins with a short pause again.
        patience = newPatience(options)
        after = signal.position
        yield signal
      }
    } catch (error) {
      if (isOver()) return
      if (!(error instanceof UnavailableError)) throw error
      options.onReconnect?.(error)
      await patience.pause(error.retryAfterSeconds, 'the feed is away').catch(() => {
        throw error
      })
    }
  }
}

function newPatience({ wait = waitWithTimer }: FollowOptions): Patience {
  return new Patience({ wait, random: uniformRandom, triesMax: 20, waitSecondsMax: 600 })
}

async function* connect(
  client: QueryClient,
  options: FollowOptions,
): AsyncGenerator<FeedSignal, void, undefined> {
  const { parameters, after, signal, silenceMs = SILENCE_MS } = options
  const query = queryText({ ...parameters, after: String(after) })
  const url = new URL(`feed?${query}`, client.base)
  const silence = new Silence(silenceMs, signal)
  try {
    const response = await client.fetch(url.href, {
      headers: { accept: 'text/event-stream, application/problem+json' },
      redirect: 'manual',
      credentials: 'omit',
      signal: silence.signal,
    })
    if (response.status !== 200) {
      // The JSON form has the words for what is wrong; it throws them.
      await response.body?.cancel()
      await client.feed({ ...parameters, after: String(after), limit: '1' })
      throw new UnavailableError('ERR_NETWORK', `${url.href} answered ${response.status}`, {
        retryAfterSeconds: 5,
      })
    }
    if (response.body === null) failResponse('a stream without a body')
    yield* readSignals(response.body, { after, silence })
    throw new UnavailableError('ERR_NETWORK', `${url.href} ended`)
  } catch (cause) {
    if (cause instanceof InputError || cause instanceof UnavailableError) throw cause
    throw new UnavailableError('ERR_NETWORK', `${url.href} was cut off`, { cause })
  } finally {
    silence.end()
  }
}

async function* readSignals(
  body: ReadableStream<Uint8Array>,
  { after, silence }: { readonly after: number; readonly silence: Silence },
): AsyncGenerator<FeedSignal, void, undefined> {
  const reader = body.getReader()
  // Not every fetch ends a body whose request was aborted.
  const cancel = (): void => void reader.cancel().catch(() => undefined)
  silence.signal.addEventListener('abort', cancel, { once: true })
  const decoder = new TextDecoder()
  let rest = ''
  let position = after
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      silence.broken()
      const blocks = (rest + decoder.decode(read.value, { stream: true })).split('\n\n')
      rest = blocks.pop()!
      if (rest.length > EVENT_LENGTH_MAX) failResponse('an event is too long')
      for (const block of blocks) {
        const signal = readBlock(block)
        if (signal === undefined) continue
        if (signal.position < position) failResponse('the feed went back')
        position = signal.position
        yield signal
      }
    }
  } finally {
    cancel()
  }
}

function readBlock(block: string): FeedSignal | undefined {
  let id: number | undefined
  let data = ''
  for (const line of block.split('\n')) {
    if (line.startsWith('id: ')) id = Number(line.slice(4))
    else if (line.startsWith('data: ')) data += line.slice(6)
  }
  if (id === undefined) return undefined
  if (!Number.isSafeInteger(id) || id < 0) failResponse('an event without an index')
  if (data === '') return { position: id }
  const event = parseRow(parseJson(data))
  return event.index === id ? { position: id, event } : failResponse('an event of another index')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return failResponse('an event that is not JSON')
  }
}

/** Aborts what has been silent for too long, or with an outer signal. */
class Silence {
  readonly #controller = new AbortController()
  readonly #milliseconds: number
  readonly #outer: AbortSignal
  readonly #abort = (): void => this.#controller.abort()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(milliseconds: number, outer: AbortSignal) {
    this.#milliseconds = milliseconds
    this.#outer = outer
    outer.addEventListener('abort', this.#abort)
    if (outer.aborted) this.#abort()
    this.broken()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  broken(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#abort, this.#milliseconds)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#abort)
    this.#abort()
  }
}
