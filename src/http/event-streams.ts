/**
 * Server-Sent Events of the feed (WHATWG HTML §9.2). Nothing here asks the index on a timer: a stream
 * reads on when the index says that it has more, and when its client has taken what was sent. There
 * is a bounded number of streams, each holds one page at most, and a client that takes nothing for a
 * while is cut off; it resumes by its last id.
 */
import type { Response } from 'express'
import { UnavailableError } from '../errors.ts'
import type { FeedPage, FeedRequest } from '../registry/read-feed.ts'
import type { Registry } from '../registry/registry.ts'
import { sendHead } from './answer.ts'
import type { HttpLimits } from './limits.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { rowJson } from './statement-json.ts'

/** While entries pour in, a stream takes them in gulps of what came meanwhile. */
const GULP_MS = 50

export type FeedLimits = Pick<HttpLimits, 'feedStreamsMax' | 'feedHeartbeatMs' | 'feedStallMs'>

/** All streams of a server. */
export class EventStreams {
  readonly #registry: Pick<Registry, 'readFeed' | 'followFeed'>
  readonly #limits: FeedLimits
  readonly #onFailure: (error: unknown) => void
  readonly #open = new Set<EventStream>()

  constructor(
    registry: Pick<Registry, 'readFeed' | 'followFeed'>,
    limits: FeedLimits,
    onFailure: (error: unknown) => void,
  ) {
    this.#registry = registry
    this.#limits = limits
    this.#onFailure = onFailure
  }

  get count(): number {
    return this.#open.size
  }

  /**
   * Answers with a stream, until the client goes or the server does.
   * @throws UnavailableError `ERR_STREAMS_FULL`, `ERR_INDEX_OFF`.
   */
  open(res: Response, request: FeedRequest): void {
    const { feedStreamsMax } = this.#limits
    if (this.#open.size >= feedStreamsMax) {
      throw new UnavailableError(
        'ERR_STREAMS_FULL',
        `${feedStreamsMax} clients follow the feed already; ask for JSON pages, or try again later.`,
        { retryAfterSeconds: 10 },
      )
    }
    const stream = new EventStream(res, request, {
      read: (position) => this.#registry.readFeed({ ...request, after: position }),
      limits: this.#limits,
    })
    const unfollow = this.#registry.followFeed(() => stream.wake())
    this.#open.add(stream)
    void stream
      .run()
      .catch(this.#onFailure)
      .finally(() => {
        unfollow()
        this.#open.delete(stream)
      })
  }

  /** Ends every stream: clients reconnect, to another server or later. */
  endAll(): void {
    for (const stream of this.#open) stream.end()
  }
}

interface StreamPorts {
  readonly read: (after: number) => Promise<FeedPage>
  readonly limits: FeedLimits
}

class EventStream {
  readonly #res: Response
  readonly #ports: StreamPorts
  #position: number
  #told: number
  #hasMore = true
  #isOver = false
  #wake: () => void = () => undefined

  constructor(res: Response, { after }: FeedRequest, ports: StreamPorts) {
    this.#res = res
    this.#ports = ports
    this.#position = after
    this.#told = after
    res.on('close', () => this.end())
    // Whoever ends its side of the connection follows nothing.
    res.socket?.once('end', () => this.end())
  }

  /** There is more to read. */
  wake(): void {
    this.#hasMore = true
    this.#wake()
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  async run(): Promise<void> {
    const res = this.#res
    sendHead(res, { status: 200, headers: STREAM_HEADERS })
    try {
      await this.#send(': attestry feed\n\n')
      while (!this.#isOver) {
        if (this.#hasMore) await this.#sendPage()
        else if (!(await this.#sleep(this.#ports.limits.feedHeartbeatMs))) {
          await this.#send(this.#heartbeat())
        }
      }
    } finally {
      if (!res.destroyed) res.end()
    }
  }

  async #sendPage(): Promise<void> {
    this.#hasMore = false
    const page = await this.#ports.read(this.#position)
    this.#position = page.next
    const last = page.statements.at(-1)
    if (last !== undefined) {
      await this.#send(page.statements.map(encodeEvent).join(''))
      this.#told = last.leafIndex
    }
    if (page.more) this.#hasMore = true
    else if (!this.#isOver) await this.#sleep(GULP_MS, { isPause: true })
  }

  /** An id without data is no event, and moves what the client resumes from past what it filters. */
  #heartbeat(): string {
    const isAhead = this.#position > this.#told
    this.#told = this.#position
    return isAhead ? `id: ${this.#position}\n\n` : ':\n\n'
  }

  /** Writes, and waits until the client has taken it. */
  async #send(text: string): Promise<void> {
    const res = this.#res
    if (this.#isOver || res.write(text)) return
    const hasDrained = await new Promise<boolean>((resolve) => {
      const settle = (drained: boolean): void => {
        clearTimeout(timer)
        res.off('drain', onDrain).off('close', onClose)
        resolve(drained)
      }
      const onDrain = (): void => settle(true)
      const onClose = (): void => settle(false)
      const timer = setTimeout(onClose, this.#ports.limits.feedStallMs)
      res.on('drain', onDrain).on('close', onClose)
    })
    if (hasDrained) return
    this.#isOver = true
    res.destroy()
  }

  /** Sleeps until there is more; true when woken. A pause ends by the clock or with the stream. */
  #sleep(milliseconds: number, { isPause = false } = {}): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isWoken: boolean): void => {
        clearTimeout(timer)
        this.#wake = () => undefined
        resolve(isWoken)
      }
      const timer = setTimeout(settle, milliseconds, false)
      this.#wake = () => {
        if (!isPause || this.#isOver) settle(true)
      }
    })
  }
}

const STREAM_HEADERS = {
  'Content-Type': MEDIA_TYPE.eventStream,
  'Cache-Control': 'no-store, no-transform',
  // nginx would gather events otherwise.
  'X-Accel-Buffering': 'no',
}

function encodeEvent(row: FeedPage['statements'][number]): string {
  return `id: ${row.leafIndex}\nevent: entry\ndata: ${JSON.stringify(rowJson(row))}\n\n`
}
