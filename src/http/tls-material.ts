/**
 * What a server needs to end TLS itself: HTTP/1.1 over TLS 1.2 or later. A client certificate is asked
 * for where authorities are given, and judged by whoever registers: reads need none.
 */
import type { ServerOptions } from 'node:https'

/** PEM texts. */
export interface TlsMaterial {
  /** The server's certificate, and those above it. */
  readonly cert: string
  readonly key: string
  /** Authorities of client certificates; undefined: none is asked for. */
  readonly ca: string | undefined
}

const HANDSHAKE_MS = 10_000

/** Options of `https.createServer` and of `setSecureContext`. */
export function secureOptions({ cert, key, ca }: TlsMaterial): ServerOptions {
  return {
    ...{ cert, key, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS },
    // As Node has it without TLS (`connections.ts`).
    allowHalfOpen: true,
    // What does not verify is refused with a reason by who needs it (`submitter.ts`), not cut off.
    ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false }),
  }
}
