/**
 * A body piece by piece. With TLS Node encrypts all that it is given at once, so that a client which takes
 * nothing would cost a copy of its answer; and it notices that a client takes something only when what it
 * was given is gone, so that one which takes a large answer slowly would be cut off (`connections.ts`).
 */
import type { ServerResponse } from 'node:http'

const PIECE_BYTES = 64 * 1024

/** Sends the body and ends the answer, as fast as the client takes it. */
export function sendBody(res: ServerResponse, body: Uint8Array): void {
  let at = 0
  const sendOn = (): void => {
    while (body.length - at > PIECE_BYTES) {
      const piece = body.subarray(at, (at += PIECE_BYTES))
      if (res.write(piece)) continue
      // Of a client that went away there is none, and the answer is forgotten with its connection.
      res.once('drain', sendOn)
      return
    }
    res.end(body.subarray(at))
  }
  sendOn()
}
