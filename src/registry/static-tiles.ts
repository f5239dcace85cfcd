/**
 * The immutable resources of the static face: hash tiles and entry bundles (C2SP tlog-tiles), and head
 * bundles, ours. Full ones are kept in a bounded cache; a partial one is a prefix of a tile that is
 * stored once, and is made when it is asked for. Nothing reaches beyond the released head.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { encodeHeadBundle, HEAD_BUNDLE_WIDTH } from '../cose/head-bundle.ts'
import { withAttachedRoot } from '../cose/signed-tree-head.ts'
import { NotFoundError } from '../errors.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import { encodeEntryBundle } from '../note/entry-bundle.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import type { TilePath } from '../note/tile-path.ts'
import { ByteCache } from './byte-cache.ts'
import type { RegistryLog } from './ports.ts'

/** Bytes of a resource that never changes. */
export interface StaticResource {
  readonly bytes: Uint8Array
  /** SHA-256 of the bytes. */
  readonly digest: Uint8Array
  /** Kept in memory, so what is derived from it may be kept, too. */
  readonly isFull: boolean
}

/** 4,000 hash tiles, or bundles of some 30,000 usual entries. */
export const CACHE_BYTES_MAX: number = 32 * 1024 * 1024

export type StaticLog = Pick<RegistryLog, 'readTile' | 'readBundle' | 'signedHeads' | 'currentHead'>

export class StaticTiles {
  readonly #log: StaticLog
  readonly #sha256: Sha256
  readonly #full = new ByteCache<StaticResource>(CACHE_BYTES_MAX, ({ bytes }) => bytes.length)

  constructor(log: StaticLog, sha256: Sha256) {
    this.#log = log
    this.#sha256 = sha256
  }

  /**
   * A tile of hashes or a bundle of entries.
   * @throws NotFoundError `ERR_TILE_UNKNOWN` for what the released tree does not have.
   * @throws InvariantError when stored bytes do not lead to the released root.
   */
  read(path: TilePath): Promise<StaticResource> {
    return this.#cached(path, encodeTilePath(path), () => readTileBytes(this.#log, path))
  }

  /**
   * The signed heads of the sizes (256 · index, 256 · index + width], each with its root attached.
   * @throws NotFoundError `ERR_TILE_UNKNOWN` unless all these sizes are released.
   */
  readHeads(index: number, width: number): Promise<StaticResource> {
    const path = { kind: 'entries', index, width } as const
    const key = `heads ${index}`
    return this.#cached(path, key, () => readHeadBundle(this.#log, { index, width }))
  }

  async #cached(
    { width }: TilePath,
    key: string,
    make: () => Promise<Uint8Array>,
  ): Promise<StaticResource> {
    const isFull = width === TILE_WIDTH
    const known = isFull ? this.#full.get(key) : undefined
    if (known !== undefined) return known
    const bytes = await make()
    const resource = { bytes, digest: this.#sha256(bytes), isFull }
    if (isFull) this.#full.set(key, resource)
    return resource
  }
}

/** Bytes of a tile or bundle. Throws as {@link StaticTiles.read}. */
export async function readTileBytes(
  log: Pick<RegistryLog, 'readTile' | 'readBundle'>,
  path: TilePath,
): Promise<Uint8Array> {
  if (path.kind === 'hashes') return log.readTile(path)
  return encodeEntryBundle(await log.readBundle(path))
}

/** Bytes of a head bundle. Throws as {@link StaticTiles.readHeads}. */
export async function readHeadBundle(
  log: Pick<RegistryLog, 'signedHeads'>,
  { index, width }: { readonly index: number; readonly width: number },
): Promise<Uint8Array> {
  const after = index * HEAD_BUNDLE_WIDTH
  const upTo = after + width
  try {
    return encodeHeadBundle((await log.signedHeads(after, upTo)).map(withAttachedRoot))
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
    throw new NotFoundError('ERR_TILE_UNKNOWN', `no head of size ${upTo} is released`)
  }
}
