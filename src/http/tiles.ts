/**
 * `GET /tile/{L}/{N}[.p/{W}]` and `GET /tile/entries/{N}[.p/{W}]`, C2SP tlog-tiles, and
 * `GET /heads/bundle/{N}[.p/{W}]`, ours, spelled alike. One spelling each; everything else is 404.
 * They never change, so caches keep them; what is not there yet is answered with `no-store`.
 */
import type { Request, Response } from 'express'
import { InputError, NotFoundError } from '../errors.ts'
import { parseTilePath } from '../note/tile-path.ts'
import type { TilePath } from '../note/tile-path.ts'
import type { StaticResource } from '../registry/static-tiles.ts'
import { answerTagged } from './answer.ts'
import type { HttpContext } from './context.ts'
import { acceptsGzip, gzipped } from './gzip.ts'
import { MEDIA_TYPE } from './media-type.ts'
import type { Resource } from './resource.ts'

/** A week, as the specification suggests. */
const IMMUTABLE = 'public, max-age=604800, immutable'

export function tileResource({ registry }: HttpContext): Resource {
  return {
    path: '/tile/*path',
    get: async (req: Request, res: Response) => {
      // Not Express's parameters: they are decoded, and a decoded path has many spellings.
      const path = parsePath(req.path.slice(1))
      const resource = await registry.tiles.read(path)
      if (path.kind === 'hashes') answerStatic(req, res, resource)
      else await answerCompressible(req, res, resource)
    },
  }
}

export function headBundleResource({ registry }: HttpContext): Resource {
  return {
    path: '/heads/bundle/*path',
    get: async (req: Request, res: Response) => {
      const spelling = req.path.replace(/^\/heads\/bundle\//, 'tile/entries/')
      const { index, width } = parsePath(spelling)
      answerStatic(req, res, await registry.tiles.readHeads(index, width))
    },
  }
}

/** Hashes and signatures do not get smaller. */
function answerStatic(req: Request, res: Response, { bytes, digest }: StaticResource): void {
  const type = MEDIA_TYPE.bytes
  answerTagged(req, res, { type, body: bytes, digest, cacheControl: IMMUTABLE })
}

/** Only full bundles are compressed: the result is kept with them, so the work is done once. */
async function answerCompressible(
  req: Request,
  res: Response,
  { bytes, digest, isFull }: StaticResource,
): Promise<void> {
  const isCompressed = isFull && acceptsGzip(req.headers['accept-encoding'])
  answerTagged(req, res, {
    type: MEDIA_TYPE.bytes,
    body: isCompressed ? await gzipped(bytes) : bytes,
    digest,
    cacheControl: IMMUTABLE,
    headers: {
      Vary: 'Accept-Encoding',
      ...(isCompressed ? { 'Content-Encoding': 'gzip' } : {}),
    },
  })
}

function parsePath(text: string): TilePath {
  try {
    return parseTilePath(text)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new NotFoundError('ERR_TILE_UNKNOWN', cause.message, { cause })
  }
}
