/**
 * The smallest HTTP/1.1 client that can load a server: one kept-alive socket, one request at a time.
 * A library would cost more CPU than the server that is measured on the same two cores; promises and
 * copies for each answer would double what this costs, so the load takes answers by callback.
 */
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: string
  /** Of `exchange` only until its callback returns. */
  readonly body: Buffer
}

interface Waiting {
  readonly answered: (answer: Answer) => void
  readonly failed: (error: Error) => void
}

const READ_BYTES = 64 * 1024
const HEAD_BYTES_MAX = 4096

export class Connection {
  readonly #socket: Socket
  #partial: Buffer | undefined
  #waiting: Waiting | undefined

  /** False once the server has closed it: an idle connection ends after a few seconds. */
  get isOpen(): boolean {
    return this.#socket.readyState === 'open'
  }

  private constructor(host: string, port: number, opened: (connection: Connection) => void) {
    const receive = (length: number, buffer: Uint8Array): boolean => {
      this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      return true
    }
    const onread = { buffer: Buffer.allocUnsafe(READ_BYTES), callback: receive }
    this.#socket = connect({ host, port, noDelay: true, onread }, () => {
      opened(this)
    })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('connection closed')))
  }

  static open(host: string, port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection = new Connection(host, port, resolve)
      connection.#socket.once('error', reject)
    })
  }

  /** Sends a whole request (`postRequest`); at the end of the connection `failed` is called instead. */
  exchange(
    request: Uint8Array,
    answered: (answer: Answer) => void,
    failed: (error: Error) => void,
  ): void {
    this.#waiting = { answered, failed }
    this.#socket.write(request)
  }

  post(path: string, body: Uint8Array, type = 'application/cose'): Promise<Answer> {
    return this.#send(postRequest(path, body, type))
  }

  get(path: string): Promise<Answer> {
    return this.#send(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`, 'latin1'))
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #send(request: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const copy = (answer: Answer): void => resolve({ ...answer, body: Buffer.from(answer.body) })
      this.exchange(request, copy, reject)
    })
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk])
    const answer = readAnswer(bytes)
    // The buffer of a chunk is read into again.
    this.#partial = answer !== undefined ? undefined : bytes === chunk ? Buffer.from(chunk) : bytes
    if (answer === undefined) return
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.answered(answer)
  }

  #fail(error: Error): void {
    this.#waiting?.failed(error)
    this.#waiting = undefined
  }
}

/** The bytes of a request. */
export function postRequest(path: string, body: Uint8Array, type = 'application/cose'): Buffer {
  const head =
    `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: ${type}\r\n` +
    `Accept: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

/** Undefined until all of it is there. */
function readAnswer(bytes: Buffer): Answer | undefined {
  const start = bytes.toString('latin1', 0, HEAD_BYTES_MAX)
  const end = start.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const headers = start.slice(0, end)
  const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0)
  const from = end + 4
  if (bytes.length < from + length) return undefined
  return {
    status: Number(headers.slice(9, 12)),
    headers,
    body: bytes.subarray(from, from + length),
  }
}
