/**
 * The connections of a server: how many there are, how long a client may take nothing of its answer, and
 * which of them nobody needs. Node tells which ones are idle, and counts those among them whose answer is
 * made and still being sent.
 */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpLimits } from './limits.ts'

const connections = new WeakMap<Server, Set<Socket>>()

/** Bounds the connections of a server that does not listen yet. */
export function boundConnections(
  server: Server,
  { connectionsMax, answerStallMs }: Pick<HttpLimits, 'connectionsMax' | 'answerStallMs'>,
): void {
  const open = new Set<Socket>()
  connections.set(server, open)
  const remember = (socket: Socket): void => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  }
  server.on('connection', remember)
  // With TLS a connection before its handshake is known by the first name only, and what waits to be
  // sent by the second.
  server.on('secureConnection', remember)
  // Who has sent its request may end its side, and still waits for the answer. Node would end ours, too.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.maxConnections = connectionsMax
  // Who is turned away tries again, and there is room then. Behind what has arrived already.
  server.on('drop', () => setImmediate(closeIdle, server))
  // Nothing came and nothing went for so long. Idle connections have a time of their own.
  server.timeout = answerStallMs
  server.on('timeout', (socket: Socket) => {
    if (!isAnswerToCome(socket)) socket.destroy()
  })
}

/** Closes what is idle, and not what Node counts among it while the end of an answer is being sent. */
export function closeIdle(server: Server): void {
  const sending = [...openOf(server)].filter(({ writableLength }) => writableLength > 0)
  for (const socket of sending) socket.destroy = () => socket
  server.closeIdleConnections()
  for (const socket of sending) Reflect.deleteProperty(socket, 'destroy')
}

/** Closes what sent nothing so far, not even a handshake. */
export function closeUnused(server: Server): void {
  for (const socket of openOf(server)) if (socket.bytesRead === 0) socket.destroy()
}

/** Closes everything, handshakes too. */
export function closeAll(server: Server): void {
  for (const socket of openOf(server)) socket.destroy()
  server.closeAllConnections()
}

function openOf(server: Server): Iterable<Socket> {
  return connections.get(server) ?? []
}

/** Whether it is us that a client waits for, not it that takes nothing. Node keeps the answer there. */
function isAnswerToCome(socket: Socket): boolean {
  const { _httpMessage: current } = socket as Socket & { readonly _httpMessage?: ServerResponse }
  return current?.writableEnded === false && socket.writableLength === 0
}
