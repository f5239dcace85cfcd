/** Clients as a pool makes them: one that cannot be made is one that cannot connect. */
import { EventEmitter } from 'node:events'
import type pg from 'pg'
import type { ClientBase } from 'pg'
import { newClient } from './client.ts'

/**
 * The driver reads the files that a URL names (a certificate, say) when a client is made, and throws when one
 * is away. A pool makes clients in the middle of an event, too: that would end the process, and leave whoever
 * waits for the client without an answer.
 */
function makeClient(config: pg.ClientConfig): pg.Client | UnmadeClient {
  try {
    return newClient(config)
  } catch (error) {
    return new UnmadeClient(error as Error)
  }
}

/** As much of a client as a pool asks of one that does not connect. */
class UnmadeClient extends EventEmitter {
  readonly #error: Error

  constructor(error: Error) {
    super()
    this.#error = error
  }

  connect(callback: (error: Error) => void): void {
    process.nextTick(callback, this.#error)
  }
}

/** For the pool's `new`, which gives what a function returns. */
export const PooledClient = function (config: pg.ClientConfig) {
  return makeClient(config)
} as unknown as new () => ClientBase
