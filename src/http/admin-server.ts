/**
 * The listener for operators, on an address of its own: metrics, and whether the process lives and
 * is ready. It only reads, so that a page in a browser of this machine can do nothing through it;
 * what it says is not for everybody, so it has no CORS and is never mounted on the public server.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { boundConnections } from './connections.ts'
import { HTTP_LIMITS } from './limits.ts'

/** What operators may ask. */
export interface AdminReports {
  /** Metrics in a text format, and its media type. */
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>
  /** Whether requests should be sent here, and why not. */
  readonly readiness: () => Promise<{ readonly status: string }>
  readonly onFailure: (error: unknown) => void
}

interface AdminAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
}

const JSON_TYPE = 'application/json'
const LIMITS = { headersTimeout: 5000, requestTimeout: 10_000, maxHeaderSize: 16_384 }
const CONNECTIONS_MAX = 64

/** A server that does not listen yet. */
export function createAdminServer(reports: AdminReports): Server {
  const server = createServer(LIMITS, (req, res) => {
    void answer(req, reports).then(
      (found) => send(res, found),
      (error: unknown) => {
        reports.onFailure(error)
        send(res, problem(500, 'the report could not be made'))
      },
    )
  })
  boundConnections(server, { ...HTTP_LIMITS, connectionsMax: CONNECTIONS_MAX })
  return server
}

async function answer(req: IncomingMessage, reports: AdminReports): Promise<AdminAnswer> {
  req.resume()
  if (req.method !== 'GET' && req.method !== 'HEAD') return problem(405, 'only GET and HEAD')
  switch (req.url) {
    case '/metrics':
      return { status: 200, ...(await reports.metrics()) }
    // Answering at all is what it says.
    case '/health/live':
      return { status: 200, type: JSON_TYPE, text: '{"status":"live"}' }
    case '/health/ready': {
      const readiness = await reports.readiness()
      const status = readiness.status === 'failing' ? 503 : 200
      return { status, type: JSON_TYPE, text: JSON.stringify(readiness) }
    }
    default:
      return problem(404, 'there are /metrics, /health/live and /health/ready')
  }
}

function problem(status: number, detail: string): AdminAnswer {
  return { status, type: 'application/problem+json', text: JSON.stringify({ status, detail }) }
}

function send(res: ServerResponse, { status, type, text }: AdminAnswer): void {
  res.writeHead(status, {
    'Content-Type': type,
    'Content-Length': new TextEncoder().encode(text).length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  res.end(res.req.method === 'HEAD' ? undefined : text)
}
