/**
 * Ends a server without losing an answer: no new connections, every request in flight is answered,
 * idle connections are closed as they become idle, and what is left after the grace is cut.
 */
import type { Server } from 'node:http'
import { Server as SocketServer } from 'node:net'
import { closeAll, closeIdle, closeUnused } from './connections.ts'

const SWEEP_MS = 50

/** Resolves when the last connection is gone, at the latest after `graceMs`. */
export async function drainServer(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return
  // Answers without an end are ended by whoever writes them.
  server.emit('draining')
  const closed = new Promise<void>((resolve) => {
    // That of HTTP would cut answers that are being sent, and would wait for headers for ever.
    SocketServer.prototype.close.call(server, () => resolve())
  })
  // Each time behind what has arrived: a busy server has not read it when the timer comes.
  const sweep = setInterval(() => setImmediate(closeUnneeded, server), SWEEP_MS)
  const cut = setTimeout(() => closeAll(server), graceMs)
  try {
    await closed
  } finally {
    clearInterval(sweep)
    clearTimeout(cut)
    // Ends Node's own look at what is late.
    server.close()
  }
}

function closeUnneeded(server: Server): void {
  closeIdle(server)
  closeUnused(server)
}
