/**
 * Listens for commits of any node, on a connection of its own that is made again when it ends. A
 * notification is only a wake-up: those of the time without a connection are made up for by one when
 * there is a connection again, and whoever listens looks by itself now and then.
 */
import pg from 'pg'
import { clientConfig } from './database.ts'

const RETRY_MS = 1000

export class WakeUps {
  readonly #url: string
  readonly #channel: string
  readonly #listeners = new Set<() => void>()
  #client: pg.Client | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(url: string, channel: string) {
    this.#url = url
    this.#channel = channel
  }

  /** Connects when somebody listens for the first time. */
  add(listener: () => void): () => void {
    const tell = (): void => listener()
    this.#listeners.add(tell)
    if (this.#client === undefined && this.#retry === undefined) this.#connect()
    return () => void this.#listeners.delete(tell)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    this.#listeners.clear()
    await this.#client?.end().catch(() => undefined)
  }

  #connect(): void {
    if (this.#isClosed) return
    const client = new pg.Client(clientConfig(this.#url))
    this.#client = client
    client.on('notification', () => this.#tell())
    client.on('error', () => undefined)
    client.once('end', () => this.#connectLater(client))
    client
      .connect()
      .then(() => client.query(`LISTEN ${this.#channel}`))
      .then(() => this.#tell())
      .catch(async () => {
        await client.end().catch(() => undefined)
        this.#connectLater(client)
      })
  }

  #connectLater(client: pg.Client): void {
    if (this.#isClosed || this.#client !== client) return
    this.#client = undefined
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#connect()
    }, RETRY_MS).unref()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
