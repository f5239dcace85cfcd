/**
 * A log as of one signed head, for reading only: what is exported. It may be opened beside the
 * process that serves the log. Nothing above the head is visible through it, and what it hands out
 * is checked against that head.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { treeSize } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant, StartError } from '../errors.ts'
import { TreeEdge } from '../merkle/edge.ts'
import { HASH_BYTES } from '../merkle/hasher.ts'
import { openTiles } from '../merkle/tiles.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { Guard } from './guard.ts'
import { LOG_LIMITS } from './limits.ts'
import type { CheckingPorts } from './ports.ts'
import { readReceiptKeys } from './recover.ts'
import { ReleasedTree } from './released-tree.ts'
import type { ReleasedState } from './released-tree.ts'
import { verifyLogHead } from './signed-head.ts'
import type { StoredState } from './store.ts'

export interface SnapshotOptions extends CheckingPorts {
  /** Holds the newest released head; without it the newest head that the store has is taken. */
  readonly guard: Pick<Guard, 'read'>
  /** Size of the signed head to open; the newest released one when it is not given. */
  readonly atTreeSize?: number
}

/** A tree at one head. */
export interface LogSnapshot {
  readonly tree: ReleasedTree<ReleasedState>
  readonly identity: StoredState
  readonly head: SignedTreeHead
}

/**
 * @throws StartError `ERR_LOG_CORRUPT` when what is stored does not lead to the head.
 * @throws StartError `ERR_LOG_MISSING`.
 */
export async function openSnapshot(options: SnapshotOptions): Promise<LogSnapshot> {
  const { store, guard, verifier, atTreeSize } = options
  // The guard first: it never is ahead of a store that is read after it.
  const guarded = await guard.read()
  const identity = await store.readState()
  const head = await findHead(options, { identity, guarded })
  if (head === undefined) {
    const size = atTreeSize === undefined ? '' : ` of size ${atTreeSize}`
    throw new StartError('ERR_LOG_CORRUPT', `the stored log has no signed head${size}`)
  }
  try {
    const keys = await readReceiptKeys(store)
    await verifyLogHead({ head, identity, keys, verifier })
    const edge = await readEdgeAt(options, head.treeHead)
    const tree = ReleasedTree.open(options, { edge, signed: head }, LOG_LIMITS.cacheTilesMax)
    return { tree, identity, head }
  } catch (cause) {
    if (cause instanceof StartError) throw cause
    const { message } = cause as Error
    throw new StartError('ERR_LOG_CORRUPT', `the log cannot be read: ${message}`, { cause })
  }
}

async function findHead(
  { store, atTreeSize }: SnapshotOptions,
  at: { readonly identity: StoredState; readonly guarded: SignedTreeHead | undefined },
): Promise<SignedTreeHead | undefined> {
  const stored = at.identity.treeHead.treeSize
  const { guarded } = at
  const size = guarded?.treeHead.treeSize ?? 0
  if (atTreeSize !== undefined) {
    return atTreeSize === size ? guarded : store.findSignedHead(treeSize(atTreeSize))
  }
  // A guard that is ahead belongs to a newer copy than this one, which can still be read.
  if (guarded !== undefined && size <= stored) return guarded
  for (let back = 256; ; back *= 4) {
    const heads = await store.listSignedHeads(Math.max(0, stored - back), back)
    if (heads.length > 0 || back > stored) return heads.at(-1)
  }
}

/** The right edge that the stored tree had at an earlier size. */
async function readEdgeAt(
  { store, hasher }: CheckingPorts,
  { treeSize: size, rootHash }: TreeHead,
): Promise<TreeEdge> {
  const open = openTiles(size)
  const contents = await store.readTiles(open.filter(({ width }) => width > 0))
  const filled = contents.values()
  const tiles = open.map(({ width }) =>
    width === 0 ? new Uint8Array(0) : filled.next().value!.subarray(0, width * HASH_BYTES),
  )
  const edge = TreeEdge.fromTiles({ treeSize: size, openTiles: tiles }, hasher)
  assertInvariant(equalBytes(edge.rootHash(), rootHash), 'the stored tiles have another root')
  return edge
}
