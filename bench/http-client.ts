/**
 * The smallest HTTP/1.1 client that can load a server: one kept-alive socket, one request at a time.
 * A library would cost more CPU than the server that is measured on the same two cores.
 */
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: string
  readonly body: Buffer
}

export class Connection {
  private readonly socket: Socket
  private buffered: Buffer = Buffer.alloc(0)
  private settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined

  /** False once the server has closed it: an idle connection ends after a few seconds. */
  get isOpen(): boolean {
    return this.socket.readyState === 'open'
  }

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('error', (error) => this.fail(error))
    socket.on('close', () => this.fail(new Error('connection closed')))
  }

  static open(host: string, port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port }, () => {
        resolve(new Connection(socket))
      })
      socket.once('error', reject)
    })
  }

  post(path: string, body: Uint8Array, type = 'application/cose'): Promise<Answer> {
    const head =
      `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: ${type}\r\n` +
      `Accept: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`
    return this.send(Buffer.concat([Buffer.from(head, 'latin1'), body]))
  }

  get(path: string): Promise<Answer> {
    return this.send(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`, 'latin1'))
  }

  close(): void {
    this.settle = undefined
    this.socket.destroy()
  }

  private send(bytes: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
      this.socket.write(bytes)
    })
  }

  private receive(chunk: Buffer): void {
    this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk])
    const end = this.buffered.indexOf('\r\n\r\n')
    if (end < 0) return
    const headers = this.buffered.toString('latin1', 0, end)
    const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0)
    if (this.buffered.length < end + 4 + length) return
    const body = this.buffered.subarray(end + 4, end + 4 + length)
    this.buffered = this.buffered.subarray(end + 4 + length)
    const settle = this.settle
    this.settle = undefined
    settle?.resolve({ status: Number(headers.slice(9, 12)), headers, body })
  }

  private fail(error: Error): void {
    this.settle?.reject(error)
    this.settle = undefined
  }
}
