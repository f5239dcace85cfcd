/**
 * Ends a server without losing an answer: no new connections, every request in flight is answered,
 * idle connections are closed as they become idle, and what is left after the grace is cut.
 */
import type { Server } from 'node:http'
import { Server as SocketServer } from 'node:net'
import { closeAll, closeIdle, closeUnused } from './connections.ts'

const SWEEP_MS = 50
/** While more connections keep coming. */
const LET_IN_MS_MAX = 1000

/** Resolves when the last connection is gone, at the latest after `graceMs`. */
export async function drainServer(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return
  const began = performance.now()
  await letIn(server, Math.min(graceMs / 2, LET_IN_MS_MAX))
  // Answers without an end are ended by whoever writes them.
  server.emit('draining')
  const closed = new Promise<void>((resolve) => {
    // That of HTTP would cut answers that are being sent, and would wait for headers for ever.
    SocketServer.prototype.close.call(server, () => resolve())
  })
  const sweep = setInterval(() => {
    void afterArrivals().then(() => closeUnneeded(server))
  }, SWEEP_MS)
  const cut = setTimeout(() => closeAll(server), graceMs - (performance.now() - began))
  try {
    await closed
  } finally {
    clearInterval(sweep)
    clearTimeout(cut)
    // Ends Node's own look at what is late.
    server.close()
  }
}

/**
 * Lets in who waits for it: the kernel has told them that they are in, and they may have sent their
 * requests. Node lets in one a turn of its event loop.
 */
async function letIn(server: Server, msMax: number): Promise<void> {
  const until = performance.now() + msMax
  let hasCome = true
  const onConnection = (): void => void (hasCome = true)
  server.on('connection', onConnection)
  await afterArrivals()
  while (hasCome && performance.now() < until) {
    hasCome = false
    await new Promise(setImmediate)
  }
  server.off('connection', onConnection)
}

/** Resolves when the event loop has taken what had arrived by now: a busy server has not. */
function afterArrivals(): Promise<void> {
  return new Promise((resolve) => setTimeout(setImmediate, 0, resolve))
}

function closeUnneeded(server: Server): void {
  closeIdle(server)
  closeUnused(server)
}
