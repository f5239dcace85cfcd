/**
 * A body piece by piece. With TLS Node encrypts all that it is given at once, so that a client which takes
 * nothing would cost a copy of its answer; and it notices that a client takes something only when what it
 * was given is gone, so that one which takes a large answer slowly would be cut off (`connections.ts`).
 * Answers are whole in memory until they are sent, so there is a bound on all of them.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const PIECE_BYTES = 64 * 1024

/** What the large answers of this process that are being sent hold together, in bytes. */
export const SENDING_BYTES_MAX: number = 512 * 1024 * 1024

/**
 * Connections with the bytes of their large answers; the one that took nothing for the longest is the first.
 * Answers that wait behind another one of their connection are not told when it closes.
 */
const sending = new Map<Socket, number>()
let sendingBytes = 0

/** Sends the body and ends the answer, as fast as the client takes it. */
export function sendBody(res: ServerResponse, body: Uint8Array): void {
  if (body.length <= PIECE_BYTES) {
    res.end(body)
    return
  }
  const { socket } = res.req
  // Its client went away.
  if (socket.destroyed) return
  let at = 0
  const sendOn = (): void => {
    while (body.length - at > PIECE_BYTES) {
      const piece = body.subarray(at, (at += PIECE_BYTES))
      if (res.write(piece)) continue
      // Of a client that went away there is none, and the answer is forgotten with its connection.
      res.once('drain', takenOn)
      return
    }
    res.end(body.subarray(at))
  }
  const takenOn = (): void => {
    add(socket, 0)
    sendOn()
  }
  add(socket, body.length)
  res.once('close', () => add(socket, -body.length))
  giveWay()
  sendOn()
}

/** Counts bytes of a connection, which has just taken something or got more to take. */
function add(socket: Socket, bytes: number): void {
  const held = sending.get(socket)
  if (held === undefined && bytes <= 0) return
  if (held === undefined) socket.once('close', forget)
  const left = (held ?? 0) + bytes
  sendingBytes += bytes
  sending.delete(socket)
  if (left > 0) sending.set(socket, left)
  else socket.off('close', forget)
}

function forget(this: Socket): void {
  add(this, -(sending.get(this) ?? 0))
}

/** Cuts off who takes nothing before its time, where all hold too much. */
function giveWay(): void {
  for (const [socket, bytes] of sending) {
    if (sendingBytes <= SENDING_BYTES_MAX) return
    add(socket, -bytes)
    socket.destroy()
  }
}
