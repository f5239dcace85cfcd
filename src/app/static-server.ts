/**
 * Serves a copy of a log read-only, when the original is gone or far away (R35): the files of the
 * directory at their paths, a partial tile cut from the full one, `/entries/{id}` as SCRAPI has it.
 * Any static web server does most of this too; there is no state and nothing to configure.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { sliceEntryBundle } from '../note/entry-bundle.ts'
import { parseCheckpoint } from '../note/checkpoint.ts'
import { encodeTilePath, parseTilePath } from '../note/tile-path.ts'
import { AttestryError, InputError } from '../errors.ts'
import { boundConnections } from '../http/connections.ts'
import { HTTP_LIMITS } from '../http/limits.ts'
import { sendBody } from '../http/send-body.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import type { LogDirectory } from './log-directory.ts'

const FILE_BYTES_MAX = 32 * 1024 * 1024
const IMMUTABLE = 'public, max-age=604800, immutable'
const COMMON = { 'Access-Control-Allow-Origin': '*', 'X-Content-Type-Options': 'nosniff' }

/** A server that does not listen yet. */
export function createStaticServer(directory: LogDirectory): Server {
  const server = createServer((req, res) => {
    answer(directory, req, res).catch(() => {
      fail(res, 500, 'the file cannot be read')
    })
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  boundConnections(server, HTTP_LIMITS)
  return server
}

async function answer(
  directory: LogDirectory,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  req.resume()
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.setHeader('Allow', 'GET, HEAD')
    fail(res, 405, 'this copy of a log is read-only')
    return
  }
  const path = (req.url ?? '/').split('?', 1)[0]!.slice(1)
  const found = await find(directory, path)
  if (found === undefined) {
    fail(res, 404, 'this copy of a log has nothing here')
    return
  }
  const isFixed = /^(?:tile|collateral|payloads)\/|^heads\/(?!current)/.test(path)
  res.writeHead(200, {
    ...COMMON,
    'Content-Type': typeOf(path),
    'Content-Length': found.length,
    'Cache-Control': isFixed ? IMMUTABLE : 'no-cache',
  })
  if (req.method === 'HEAD') res.end()
  else sendBody(res, found)
}

async function find(directory: LogDirectory, path: string): Promise<Uint8Array | undefined> {
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    try {
      return await directory.read(name, FILE_BYTES_MAX)
    } catch (error) {
      // A path that no log has.
      if (error instanceof InputError) return undefined
      throw error
    }
  }
  if (/^entries\/[0-9a-f]{64}$/.test(path)) return read(`${path}/receipt`)
  if (path === 'heads/current') return readCurrentHead(read)
  return (await read(path)) ?? cutFromFull(path, read)
}

type Read = (path: string) => Promise<Uint8Array | undefined>

async function readCurrentHead(read: Read): Promise<Uint8Array | undefined> {
  const checkpoint = await read('checkpoint')
  return checkpoint && read(`heads/${parseCheckpoint(checkpoint).treeSize}`)
}

/** A partial tile is a prefix of the full one (C2SP tlog-tiles). */
async function cutFromFull(path: string, read: Read): Promise<Uint8Array | undefined> {
  try {
    const tile = parseTilePath(path)
    const full = await read(encodeTilePath({ ...tile, width: TILE_WIDTH }))
    if (full === undefined) return undefined
    return tile.kind === 'hashes'
      ? full.subarray(0, tile.width * 32)
      : sliceEntryBundle(full, tile.width)
  } catch (error) {
    if (error instanceof AttestryError) return undefined
    throw error
  }
}

function typeOf(path: string): string {
  if (/^(?:checkpoint|log-key|tlog-policy)$|\/tlog-proof$/.test(path)) {
    return 'text/plain; charset=utf-8'
  }
  if (/^log-keys$|\.json$/.test(path)) return 'application/json'
  if (path.startsWith('.well-known/')) return 'application/cbor'
  if (/^entries\/|^heads\/(?!bundle)/.test(path)) return 'application/cose'
  return 'application/octet-stream'
}

function fail(res: ServerResponse, status: number, detail: string): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const body = encodeUtf8(JSON.stringify({ title: detail, status, detail }))
  res.writeHead(status, {
    ...COMMON,
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  })
  res.end(body)
}
