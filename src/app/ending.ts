/**
 * The end of a registry. It has two ways: a drain, in which every accepted request is answered and
 * the log is closed; and a fatal error, after which nothing is signed any more and the process should
 * exit, because only the next start can tell what was stored.
 */
import type { Server } from 'node:http'
import { InvariantError, StartError } from '../errors.ts'
import { drainServer } from '../http/drain.ts'
import type { RegistryConfig } from './config.ts'

/** How a registry ended. After `fatal` the process exits with an error. */
export type RegistryEnd =
  { readonly kind: 'closed' } | { readonly kind: 'fatal'; readonly error: Error }

/** After a fatal error there is nothing to wait for except answers on their way. */
const FATAL_DRAIN_MS = 1000

/** Whoever starts it, it happens once and in one order. */
export class Ending {
  readonly ended: Promise<RegistryEnd>
  isFatal = false
  readonly #config: Pick<RegistryConfig, 'drainMs' | 'report'>
  #resolve: (end: RegistryEnd) => void = () => undefined
  #server: Server | undefined
  readonly #releases: (() => unknown)[] = []
  #closing: Promise<void> | undefined

  constructor(config: Pick<RegistryConfig, 'drainMs' | 'report'>) {
    this.#config = config
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** What is opened last is closed first. */
  onEnd(release: () => unknown): void {
    this.#releases.unshift(release)
  }

  serve(server: Server): void {
    this.#server = server
  }

  close(): Promise<void> {
    this.#closing ??= this.#end({ kind: 'closed' }, this.#config.drainMs)
    return this.#closing
  }

  /** A failure that is ours: told to the operator, and the end if storage broke its promise. */
  report(error: unknown, requestId: string): void {
    const { stack } = error instanceof Error ? error : new Error(String(error))
    this.#config.report({ level: 'error', event: 'request-failed', requestId, stack })
    if (error instanceof InvariantError || error instanceof StartError) this.fail(error)
  }

  fail(error: Error): void {
    if (this.isFatal) return
    this.isFatal = true
    this.#config.report({
      level: 'error',
      event: 'fatal',
      message: error.message,
      stack: error.stack,
    })
    this.#closing ??= this.#end({ kind: 'fatal', error }, FATAL_DRAIN_MS)
  }

  async #end(end: RegistryEnd, drainMs: number): Promise<void> {
    try {
      if (this.#server !== undefined) await drainServer(this.#server, drainMs)
      for (const release of this.#releases) await release()
    } catch (error) {
      const { message, stack } = error as Error
      this.#config.report({ level: 'error', event: 'close-failed', message, stack })
    }
    this.#config.report({ level: 'info', event: end.kind === 'fatal' ? 'stopped' : 'closed' })
    this.#resolve(end)
  }
}
