/**
 * The single checks of `check-log.ts`, over one tile's width of entries at a time: entries against
 * ids and leaves, and tiles of all levels. Batch roots and signed heads are `check-heads.ts`.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { leafIndex } from '../bytes/integers.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { assertInvariant, StartError } from '../errors.ts'
import type { TileWrite, TreeEdge } from '../merkle/edge.ts'
import { HASH_BYTES } from '../merkle/hasher.ts'
import type { LeafHash } from '../merkle/hasher.ts'
import { openTiles, TILE_HEIGHT, TILE_WIDTH } from '../merkle/tiles.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { GOVERNANCE_KINDS } from '../payload/media-types.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import type { CompactRange } from './compact-range.ts'
import type { CheckingPorts } from './ports.ts'
import type { StoredState } from './store.ts'

/** A head that somebody holds: the guard, a receipt, a witness. The log must contain it. */
export interface KnownHead extends TreeHead {
  /** Who holds it, for messages. */
  readonly heldBy: string
  /** What its signature came in: the signed head, or a Receipt made of it. Not verified. */
  readonly signed?: Uint8Array
}

/** The parts of a check that stay the same. */
export interface CheckContext extends CheckingPorts {
  /** The check ends at this head. */
  readonly state: StoredState
  readonly keys: readonly PublicKey[]
  readonly known: readonly KnownHead[]
}

/** What grows while the check walks through the log. */
export interface CheckProgress {
  edge: TreeEdge
  range: CompactRange
  lastTime: UnixSeconds
  lastBatchSize: number
  tiles: number
  batches: number
  signedHeads: number
}

/** Whether an entry says that content with this SHA-256 was deleted. */
export type IsPruned = (digest: Uint8Array) => Promise<boolean>

/** What an entry does to the log: entries are opaque here. */
export type KindOf = (entry: Uint8Array) => GovernanceKind | undefined

export interface EntryContext extends CheckContext {
  readonly sha256: Sha256
  /** Not compared when it is not given. */
  readonly kindOf?: KindOf | undefined
  readonly isPruned?: IsPruned | undefined
  /** What the store says. */
  readonly kinds: ReadonlyMap<number, GovernanceKind>
}

export function corrupt(message: string, cause?: unknown): StartError {
  return new StartError('ERR_LOG_CORRUPT', message, { cause })
}

/** Hashes the entries of [first, end) again; each must be found under its own id. */
export async function checkEntries(
  { store, hasher, sha256, kindOf, kinds }: EntryContext,
  first: number,
  end: number,
): Promise<{ readonly leafHashes: readonly LeafHash[]; readonly bytes: number }> {
  const entries = await store.readEntries(leafIndex(first), end - first)
  for (let at = first; at < end; at++) {
    if (entries[at - first]?.leafIndex !== at) throw corrupt(`entry ${at} is missing`)
  }
  const found = await store.findLeafIndexes(entries.map(({ entry }) => sha256(entry)))
  const [tile] = await store.readTiles([{ level: 0, index: Math.floor(first / TILE_WIDTH) }])
  let bytes = 0
  const leafHashes = entries.map(({ entry, leafIndex: index }, at) => {
    bytes += entry.length
    const leafHash = hasher.leaf(entry)
    const stored = tile?.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)
    if (stored === undefined || !equalBytes(stored, leafHash)) {
      throw corrupt(`entry ${index} does not hash to its leaf`)
    }
    if (found[at] !== index) {
      throw corrupt(`entry ${index} is found under its id at ${found[at] ?? 'no index'}`)
    }
    const [is, listed] = [kindOf?.(entry), kinds.get(index)]
    if (kindOf !== undefined && is !== listed) {
      throw corrupt(
        `entry ${index} is listed as ${listed ?? 'ordinary'}, it is ${is ?? 'ordinary'}`,
      )
    }
    return leafHash
  })
  return { leafHashes, bytes }
}

/**
 * Hashes what the entries of [first, end) were admitted with, unless the log says it was deleted, and
 * returns how many bytes that were.
 */
export async function checkCollateral(
  { store, sha256, isPruned }: Pick<EntryContext, 'store' | 'sha256' | 'isPruned'>,
  first: number,
  end: number,
): Promise<number> {
  let bytes = 0
  for (const { leafIndex: index, kind, digest } of await store.listEntryCollateral(first, end)) {
    const found = await store.findCollateral(digest)
    if (found === undefined && kind === 'preimage' && (await isPruned?.(digest)) === true) continue
    if (found === undefined || !equalBytes(sha256(found.bytes), digest)) {
      throw corrupt(`the ${kind} collateral of entry ${index} is missing or has another digest`)
    }
    if (found.leafIndex > index)
      throw corrupt(`the ${kind} collateral of entry ${index} is younger`)
    bytes += found.bytes.length
  }
  return bytes
}

/** All that the store says about which entries do what to the log. */
export async function readKinds(
  store: EntryContext['store'],
): Promise<ReadonlyMap<number, GovernanceKind>> {
  const kinds = new Map<number, GovernanceKind>()
  for (const kind of GOVERNANCE_KINDS) {
    for (const index of await store.listGovernance(kind, 0)) kinds.set(index, kind)
  }
  return kinds
}

/** Appends the leaves and compares every tile that is complete, or the last of its level. */
export async function checkTiles(
  { store, state }: CheckContext,
  progress: CheckProgress,
  leafHashes: readonly LeafHash[],
): Promise<void> {
  const { edge, tiles } = progress.edge.append(leafHashes)
  const isLast = edge.treeSize === state.treeHead.treeSize
  progress.edge = edge
  // Tiles of the upper levels that are open at the end need not be touched by the last leaves.
  const due = tiles.filter(({ hashes }) => hashes.length === TILE_WIDTH * HASH_BYTES)
  if (isLast) due.push(...openTilesOf(edge))
  const stored = await store.readTiles(due)
  due.forEach(({ level, index, hashes }, at) => {
    // A log that is being appended to may have extended an open tile meanwhile.
    if (!equalBytes(stored[at]!.subarray(0, hashes.length), hashes)) {
      throw corrupt(`tile ${index} of level ${level} does not hold the hashes of its entries`)
    }
  })
  progress.tiles += due.length
}

function openTilesOf(edge: TreeEdge): TileWrite[] {
  return openTiles(edge.treeSize)
    .filter(({ width }) => width > 0)
    .map(({ level, index, width }) => {
      const hashes = new Uint8Array(width * HASH_BYTES)
      for (let at = 0; at < width; at++) {
        const id = { level: level * TILE_HEIGHT, index: index * TILE_WIDTH + at }
        const hash = edge.findNode(id)
        assertInvariant(hash !== undefined, 'an open tile has its own hashes')
        hashes.set(hash, at * HASH_BYTES)
      }
      return { level, index, hashes }
    })
}
