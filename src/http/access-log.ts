/**
 * A sampled access log: one request in so many, told when its answer is done or its connection gone.
 * No address of a client, no query, no header and no body is in it.
 */
import type { Request, Response } from 'express'
import { requestIdOf } from './request-id.ts'

/** One line. */
export interface AccessRecord {
  readonly requestId: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly milliseconds: number
  /** The connection ended before the answer did. */
  readonly aborted?: true
}

export interface AccessLogOptions {
  /** One request in this many is told. */
  readonly every: number
  readonly write: (record: AccessRecord) => void
}

const PATH_MAX = 200

export class AccessLog {
  readonly #options: AccessLogOptions
  readonly #server: { readonly trustProxy: boolean; readonly monotonicMs: () => number }
  #count = 0

  constructor(
    options: AccessLogOptions,
    server: { readonly trustProxy: boolean; readonly monotonicMs: () => number },
  ) {
    this.#options = options
    this.#server = server
  }

  /** Begins the record of a request, if it is one of those that are told. */
  begin(req: Request, res: Response): void {
    this.#count = (this.#count + 1) % this.#options.every
    if (this.#count !== 0) return
    const { trustProxy, monotonicMs } = this.#server
    const startedMs = monotonicMs()
    const { method } = req
    const path = req.path.slice(0, PATH_MAX)
    res.once('close', () => {
      this.#options.write({
        requestId: requestIdOf(req, res, trustProxy),
        ...{ method, path, status: res.statusCode },
        milliseconds: Math.round((monotonicMs() - startedMs) * 1000) / 1000,
        ...(res.writableFinished ? {} : { aborted: true }),
      })
    })
  }
}
