/**
 * Listens for commits of any node, on a connection of its own that is made again when it ends. A
 * notification is only a wake-up: those of the time without a connection are made up for by one when
 * there is a connection again, and whoever listens looks by itself now and then.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import type { WakeUp } from '../../log/store.ts'
import { clientConfig, newClient } from './client.ts'

const RETRY_MS = 1000
/** A line that is cut answers no goodbye either. */
const END_MS = 1000

/** The payload by which a node asks for its turn. */
export function turnAsked(losses: number): string {
  return `turn ${losses}`
}

function parseWakeUp(payload: string, own: string): WakeUp {
  if (payload === own) return { kind: 'committed', isOwn: true }
  const [, losses] = /^turn ([0-9]{1,9})$/.exec(payload) ?? []
  // A commit of another node, whatever that says of itself.
  if (losses === undefined) return { kind: 'committed' }
  return { kind: 'turn-asked', losses: Number(losses) }
}

export class WakeUps {
  /** The payload of this process's commits. */
  readonly own: string = `by ${crypto.randomUUID()}`
  readonly #url: string
  readonly #channel: string
  readonly #listeners = new Set<(told: WakeUp) => void>()
  #client: pg.Client | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(url: string, channel: string) {
    this.#url = url
    this.#channel = channel
  }

  /** Connects when somebody listens for the first time. */
  add(listener: (told: WakeUp) => void): () => void {
    const tell = (told: WakeUp): void => listener(told)
    this.#listeners.add(tell)
    if (this.#client === undefined && this.#retry === undefined) this.#connect()
    return () => void this.#listeners.delete(tell)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    this.#listeners.clear()
    const ended = this.#client?.end().catch(() => undefined)
    if (ended !== undefined) await Promise.race([ended, wait(END_MS, undefined, { ref: false })])
  }

  #connect(): void {
    if (this.#isClosed) return
    const client = this.#newClient()
    if (client === undefined) return
    this.#client = client
    client.on('notification', ({ payload = '' }) => this.#tell(parseWakeUp(payload, this.own)))
    client.on('error', () => undefined)
    client.once('end', () => this.#connectLater(client))
    client
      .connect()
      .then(() => client.query(`LISTEN ${this.#channel}`))
      .then(() => this.#tell({ kind: 'committed' }))
      .catch(async () => {
        await client.end().catch(() => undefined)
        this.#connectLater(client)
      })
  }

  /** Files that a URL names are read again here, and may be away for a moment; that is no end of the process. */
  #newClient(): pg.Client | undefined {
    try {
      return newClient(clientConfig(this.#url))
    } catch {
      this.#connectLater(undefined)
      return undefined
    }
  }

  #connectLater(client: pg.Client | undefined): void {
    if (this.#isClosed || this.#client !== client) return
    this.#client = undefined
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#connect()
    }, RETRY_MS).unref()
  }

  #tell(told: WakeUp): void {
    for (const listener of this.#listeners) listener(told)
  }
}
