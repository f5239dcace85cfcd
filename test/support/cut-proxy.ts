/** A TCP proxy in front of a server's socket that can be cut: what a broken network does to a node. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

export class CutProxy {
  readonly #server: Server
  #socketPath: string
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #isCut = false
  #bytesLeft = 0

  private constructor(socketPath: string) {
    this.#socketPath = socketPath
    this.#server = createServer((client) => {
      const upstream = connect(this.#socketPath)
      const pair = [client, upstream] as const
      this.#pairs.add(pair)
      for (const socket of pair) {
        socket.on('error', () => undefined)
        socket.once('close', () => {
          for (const one of pair) one.destroy()
          this.#pairs.delete(pair)
        })
      }
      // A cut line takes connections and lets nothing through, like a firewall that drops.
      if (this.#isCut) return
      client.on('data', (bytes) => this.#count(bytes.length))
      client.pipe(upstream)
      upstream.pipe(client)
    })
  }

  static async listen(socketPath: string): Promise<CutProxy> {
    const proxy = new CutProxy(socketPath)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** URL of a database behind it. */
  urlOf(database: string): string {
    const { port } = this.#server.address() as AddressInfo
    return `postgres://postgres@127.0.0.1:${port}/${database}`
  }

  /** Lets nothing through any more: silently, or with connections that end. */
  cut(how: 'silent' | 'reset'): void {
    this.#isCut = true
    for (const [client, upstream] of this.#pairs) {
      client.unpipe(upstream)
      upstream.unpipe(client)
      if (how === 'reset') client.resetAndDestroy()
    }
  }

  /** Ends all connections once, when clients have sent so many bytes more. */
  endAfter(bytes: number): void {
    this.#bytesLeft = bytes
  }

  #count(bytes: number): void {
    const isBefore = this.#bytesLeft > 0
    this.#bytesLeft -= bytes
    if (isBefore && this.#bytesLeft <= 0) this.#endAll()
  }

  /** Connections of the time before end now, new ones work. */
  heal(): void {
    if (!this.#isCut) return
    this.#isCut = false
    this.#endAll()
  }

  /** Leads to another server from now on, as the address of a cluster does after a failover. */
  redirect(socketPath: string): void {
    this.#socketPath = socketPath
    this.#endAll()
  }

  async close(): Promise<void> {
    this.#endAll()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #endAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }
}
