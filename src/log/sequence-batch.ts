/**
 * One batch: which head it leads to, and its way there (`write-batch.ts`). It takes the state of the
 * tree and returns the next one; the caller applies it, so memory follows the disk and never leads it.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { leafIndex } from '../bytes/integers.ts'
import type { TileWrite } from '../merkle/edge.ts'
import type { LeafHash } from '../merkle/hasher.ts'
import type { LogPorts } from './ports.ts'
import type { BatchCommit, NewEntry, StoredHead } from './store.ts'
import type { TreeState } from './tree-state.ts'
import { writeBatch } from './write-batch.ts'
import type { TellStep, UnwrittenBatch, WritePath } from './write-path.ts'

/** An entry that is admitted, not stored yet, and no duplicate. */
export interface SequencedEntry extends NewEntry {
  readonly leafHash: LeafHash
  readonly governance?: boolean
}

/** A batch whose head is in the guard. */
export interface ReleasedBatch {
  readonly kind: 'released'
  readonly state: TreeState
  readonly tiles: readonly TileWrite[]
}

/** Appends one batch and signs its head. Throws as `writeBatch`. */
export async function sequenceBatch(
  ports: LogPorts,
  state: TreeState,
  batch: { readonly entries: readonly SequencedEntry[]; readonly registrationTime: UnixSeconds },
): Promise<ReleasedBatch | UnwrittenBatch> {
  const { entries, registrationTime } = batch
  const tell = tellTo(ports, entries.length)
  tell('begun')
  const { edge, tiles } = state.edge.append(entries.map(({ leafHash }) => leafHash))
  const next: StoredHead = {
    treeHead: { treeSize: edge.treeSize, rootHash: edge.rootHash() },
    registrationTime,
    policyIndex: policyIndexAfter(state, entries),
    ...(state.stored.epoch === undefined ? {} : { epoch: state.stored.epoch }),
  }
  const commit: BatchCommit = {
    ...{ expected: state.stored, next, entries, tiles },
    signedHeads: state.isSaved ? [] : [state.signed],
  }
  const path = ports.writePath ?? pathHere(ports)
  const written = await path.write({ commit, range: state.range, from: state.signed }, tell)
  if (written.kind === 'not-stored') return written
  const { range, signed } = written
  return { kind: 'released', state: { edge, range, stored: next, signed, isSaved: false }, tiles }
}

function pathHere(ports: LogPorts): WritePath {
  return {
    write: (batch, tell) =>
      writeBatch({ ...ports, commit: () => ports.store.commit(batch.commit) }, batch, tell),
  }
}

function tellTo({ observer }: LogPorts, entriesCount: number): TellStep {
  return (step, atMs = performance.timeOrigin + performance.now()) =>
    observer?.onBatch(step, entriesCount, atMs)
}

function policyIndexAfter(
  { stored }: TreeState,
  entries: readonly SequencedEntry[],
): StoredHead['policyIndex'] {
  const last = entries.findLastIndex(({ governance }) => governance === true)
  return last < 0 ? stored.policyIndex : leafIndex(stored.treeHead.treeSize + last)
}
