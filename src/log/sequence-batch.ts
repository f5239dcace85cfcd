/**
 * The write path (design D7): one batch, in the order of durability, with what a crash leaves behind
 * at each step. It takes the state of the tree and returns the next one; the caller applies it, so
 * memory follows the disk and never leads it.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { leafIndex } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { UnavailableError } from '../errors.ts'
import type { TileWrite } from '../merkle/edge.ts'
import type { LeafHash } from '../merkle/hasher.ts'
import type { BatchStep } from './observer.ts'
import type { LogPorts } from './ports.ts'
import { signHead } from './signed-head.ts'
import type { BatchCommit, NewEntry, StoredHead } from './store.ts'
import type { TreeState } from './tree-state.ts'
import { verifyStored } from './verify-stored.ts'

/** An entry that is admitted, not stored yet, and no duplicate. */
export interface SequencedEntry extends NewEntry {
  readonly leafHash: LeafHash
  readonly governance?: boolean
}

export type SequencedBatch =
  | { readonly kind: 'released'; readonly state: TreeState; readonly tiles: readonly TileWrite[] }
  | { readonly kind: 'not-stored'; readonly error: UnavailableError }

/**
 * Appends one batch and signs its head.
 * @throws UnavailableError where several nodes commit: another one was faster, or store or guard were
 *   lost in the middle. The caller looks at both before it decides anything.
 * @throws anything else when the outcome is unknown: the caller stops, and start-up decides.
 */
export async function sequenceBatch(
  ports: LogPorts,
  state: TreeState,
  batch: { readonly entries: readonly SequencedEntry[]; readonly registrationTime: UnixSeconds },
): Promise<SequencedBatch> {
  const observe = (step: BatchStep): void => ports.observer?.onBatch(step, batch.entries.length)
  observe('begun')
  const appended = state.edge.append(batch.entries.map(({ leafHash }) => leafHash))
  const next: StoredHead = {
    treeHead: { treeSize: appended.edge.treeSize, rootHash: appended.edge.rootHash() },
    registrationTime: batch.registrationTime,
    policyIndex: policyIndexAfter(state, batch.entries),
    ...(state.stored.epoch === undefined ? {} : { epoch: state.stored.epoch }),
  }

  // Nothing exists yet: a crash or a refusal here costs the clients of this batch one retry.
  const refusal = await commitOrRefuse(ports, {
    expected: state.stored,
    next,
    entries: batch.entries,
    tiles: appended.tiles,
    signedHeads: state.isSaved ? [] : [state.signed],
  })
  if (refusal !== undefined) return { kind: 'not-stored', error: refusal }
  observe('committed')

  // The entries exist from here on, at these indexes for ever. A crash loses the answers only:
  // start-up finds the guard one batch behind, signs this head with this time, and a retry finds
  // its duplicate.
  const range = await verifyStored(ports, {
    range: state.range,
    entriesCount: batch.entries.length,
    tiles: appended.tiles,
    treeHead: next.treeHead,
    collateral: batch.entries.flatMap(({ collateral = [] }) => collateral),
  })
  observe('verified')
  const signed = await signHead(ports, next)
  observe('signed')

  // The signature must not leave the process before the guard holds it. If the guard holds it and
  // we crash, start-up finds guard and store equal and copies the head into the store.
  await putIntoGuard(ports, state, signed)
  observe('guarded')
  return {
    kind: 'released',
    state: { edge: appended.edge, range, stored: next, signed, isSaved: false },
    tiles: appended.tiles,
  }
}

/** Frozen: for all nodes, and before this one knows of it. */
const NOTHING_STORED: ReadonlySet<string> = new Set(['ERR_STORE_BUSY', 'ERR_LOG_FROZEN'])

/** A store that knows that it stored nothing is the one failure that the log survives. */
async function commitOrRefuse(
  { store }: LogPorts,
  batch: BatchCommit,
): Promise<UnavailableError | undefined> {
  try {
    await store.commit(batch)
    return undefined
  } catch (error) {
    if (error instanceof UnavailableError && NOTHING_STORED.has(error.code)) return error
    throw error
  }
}

/**
 * Puts a signature into the guard.
 * @throws UnavailableError `ERR_HEAD_MOVED` when another node finished this batch before, while we were
 *   slow, and may have gone on since: the batch is in the tree, and what the guard holds has yet to be
 *   verified. Our signature is never seen then.
 */
async function putIntoGuard(
  { guard }: LogPorts,
  state: TreeState,
  signed: SignedTreeHead,
): Promise<void> {
  const held = await guard.advance(state.signed, signed)
  if (equalBytes(held.bytes, signed.bytes)) return
  throw new UnavailableError('ERR_HEAD_MOVED', 'another node finished this batch')
}

function policyIndexAfter(
  { stored }: TreeState,
  entries: readonly SequencedEntry[],
): StoredHead['policyIndex'] {
  const last = entries.findLastIndex(({ governance }) => governance === true)
  return last < 0 ? stored.policyIndex : leafIndex(stored.treeHead.treeSize + last)
}
