/**
 * Ends a server without losing an answer: no new connections, every request in flight is answered,
 * idle connections are closed as they become idle, and what is left after the grace is cut.
 */
import type { Server } from 'node:http'

const SWEEP_MS = 50

/** Resolves when the last connection is gone, at the latest after `graceMs`. */
export async function drainServer(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return
  // Answers without an end are ended by whoever writes them.
  server.emit('draining')
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  try {
    await closed
  } finally {
    clearInterval(sweep)
    clearTimeout(cut)
  }
}
