/**
 * A log as auditors, mirrors and monitors read it: names of resources, their size limits, and the
 * few fallbacks that differ between a server and an export. Nothing that comes from here is trusted;
 * what it hashes to or who signed it is checked by the callers.
 */
import {
  BUNDLE_BYTES_MAX,
  parseEntryBundle,
  sliceEntryBundle,
  streamEntryBundle,
} from '../note/entry-bundle.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import type { TilePath } from '../note/tile-path.ts'
import { HEAD_BUNDLE_BYTES_MAX, HEAD_BUNDLE_WIDTH } from '../cose/head-bundle.ts'
import { parseAnswer, parseStatementPage, queryText } from '../client/query-pages.ts'
import type { QueryParameters, StatementPage } from '../client/query-pages.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import { HASH_BYTES } from '../merkle/hasher.ts'
import { InputError } from '../errors.ts'
import { PAYLOAD_BYTES_LIMIT } from '../statement/payload-name.ts'
import { AuditFault } from './audit-fault.ts'
import type { ResourceReader } from './resource-reader.ts'

const CHECKPOINT_BYTES_MAX = 1_048_576
const EVIDENCE_BYTES_MAX = 1_048_576
const KEY_BYTES_MAX = 65_536
/** A page of whole records ends at some megabytes. */
const LOOKUP_BYTES_MAX = 64 * 1024 * 1024
/** The largest that a log may have admitted with. */
const COLLATERAL_BYTES_MAX = PAYLOAD_BYTES_LIMIT

/** Path of a head bundle, spelled as the path of an entry bundle is. */
export function headBundlePath(index: number, width: number): string {
  return encodeTilePath({ kind: 'entries', index, width }).replace('tile/entries/', 'heads/bundle/')
}

/** Path of a piece of collateral; `digest` is `sha256:` and hex. */
export function collateralPath(digest: string): string {
  return `collateral/${digest}`
}

/** Entries of a bundle, and what is wrong with it if it is not whole. */
export interface EntriesRead {
  readonly entries: readonly Uint8Array[]
  readonly fault?: AuditFault
}

async function readWholeEntries(bundle: Uint8Array, width: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  try {
    for await (const entry of streamEntryBundle([bundle], width)) entries.push(entry)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
  }
  return entries
}

/** The resources of one log. */
export class LogSource {
  readonly #reader: ResourceReader

  constructor(reader: ResourceReader) {
    this.#reader = reader
  }

  get name(): string {
    return this.#reader.name
  }

  /** The current checkpoint. @throws AuditFault `checkpoint` when there is none. */
  async checkpoint(): Promise<Uint8Array> {
    const bytes = await this.#reader.read('checkpoint', CHECKPOINT_BYTES_MAX)
    if (bytes !== undefined) return bytes
    throw new AuditFault('checkpoint', `${this.name} serves no checkpoint`)
  }

  /** The log's own verifier key, which nobody should believe on its word. */
  async logKey(): Promise<string | undefined> {
    const bytes = await this.#reader.read('log-key', KEY_BYTES_MAX)
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes).trim()
  }

  /** Hashes of a tile. @throws AuditFault `tile` when it is missing or of another width. */
  async tile(level: number, index: number, width: number): Promise<Uint8Array> {
    const path = { kind: 'hashes', level, index, width } as const
    const { bytes, isFull } = await this.#readTile(path, TILE_WIDTH * HASH_BYTES)
    const tile = isFull ? bytes.subarray(0, width * HASH_BYTES) : bytes
    if (tile.length === width * HASH_BYTES) return tile
    throw new AuditFault('tile', `${encodeTilePath(path)} is not ${width} hashes wide`, {
      tile: encodeTilePath(path),
    })
  }

  /**
   * Entries of a bundle. Where it is not exactly `width` whole entries, those that can be read come
   * with the fault, so that the first wrong one can be named.
   * @throws AuditFault `tile` when there is no bundle.
   */
  async entries(index: number, width: number): Promise<EntriesRead> {
    const path = { kind: 'entries', index, width } as const
    const { bytes, isFull } = await this.#readTile(path, BUNDLE_BYTES_MAX)
    try {
      return { entries: parseEntryBundle(isFull ? sliceEntryBundle(bytes, width) : bytes, width) }
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause
      const entries = await readWholeEntries(bytes, width)
      const tile = encodeTilePath(path)
      const place = { tile, leafIndex: index * TILE_WIDTH + Math.min(entries.length, width - 1) }
      return {
        entries,
        fault: new AuditFault('tile', `${tile}: ${cause.message}`, place, { cause }),
      }
    }
  }

  /** A partial may be gone once the full one exists (C2SP tlog-tiles); it is a prefix of it. */
  async #readTile(
    path: TilePath,
    bytesMax: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly isFull: boolean }> {
    const tile = encodeTilePath(path)
    const exact = await this.#reader.read(tile, bytesMax)
    if (exact !== undefined) return { bytes: exact, isFull: false }
    const full = await this.#reader.read(encodeTilePath({ ...path, width: TILE_WIDTH }), bytesMax)
    if (full !== undefined) return { bytes: full, isFull: true }
    const start = path.kind === 'entries' ? { leafIndex: path.index * TILE_WIDTH } : {}
    throw new AuditFault('tile', `${tile} is not served`, { tile, ...start })
  }

  /** Bytes of the head bundle `index` in a tree of this size. @throws AuditFault `evidence`. */
  async headBundle(index: number, treeSize: number): Promise<Uint8Array> {
    const width = Math.min(HEAD_BUNDLE_WIDTH, treeSize - index * HEAD_BUNDLE_WIDTH)
    const path = headBundlePath(index, width)
    const bytes =
      (await this.#reader.read(path, HEAD_BUNDLE_BYTES_MAX)) ??
      (await this.#reader.read(headBundlePath(index, HEAD_BUNDLE_WIDTH), HEAD_BUNDLE_BYTES_MAX))
    if (bytes !== undefined) return bytes
    throw new AuditFault('evidence', `${path}, the signed heads, is not served`)
  }

  /** The signed head of one size; bundles have the same. */
  async head(treeSize: number): Promise<Uint8Array | undefined> {
    return this.#reader.read(`heads/${treeSize}`, EVIDENCE_BYTES_MAX)
  }

  /** A piece of collateral by `sha256:` and hex. */
  async collateral(digest: string): Promise<Uint8Array | undefined> {
    return this.#reader.read(collateralPath(digest), COLLATERAL_BYTES_MAX)
  }

  /** Content of a hash envelope by its name; whoever asks compares it. */
  async payload(name: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#reader.read(`payloads/${name}`, PAYLOAD_BYTES_LIMIT)
    // An export has what admissions were decided with once, as collateral.
    return bytes ?? (name.startsWith('sha256:') ? this.collateral(name) : undefined)
  }

  /** A Receipt of an entry: at this head where there is such a resource, else at any. */
  async receipt(entryId: string, treeSize: number): Promise<Uint8Array | undefined> {
    const read = (path: string): Promise<Uint8Array | undefined> =>
      this.#reader.read(`entries/${entryId}${path}`, EVIDENCE_BYTES_MAX)
    return (await read(`/receipts/${treeSize}`)) ?? (await read('/receipt'))
  }

  /** The Transparent Statement of an entry. */
  async statement(entryId: string): Promise<Uint8Array | undefined> {
    return this.#reader.read(`entries/${entryId}/statement`, EVIDENCE_BYTES_MAX)
  }

  /** One page of a look-up; `undefined` where the log answers none. */
  async lookUp(parameters: QueryParameters): Promise<StatementPage | undefined> {
    if (this.#reader.hasIndex !== true) return undefined
    const path = `statements?${queryText(parameters)}`
    const bytes = await this.#reader.read(path, LOOKUP_BYTES_MAX)
    return bytes === undefined ? undefined : parseStatementPage(parseAnswer(bytes, this.name))
  }
}
