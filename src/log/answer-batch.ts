/** Who of a batch is answered before it is stored, and what the others are told afterwards. */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import type { UnavailableError } from '../errors.ts'
import { decisionStale, journalMoved } from './answers.ts'
import type { Candidate, Waiting } from './queue.ts'
import type { Registered } from './registered.ts'
import type { ReleasedTree } from './released-tree.ts'
import type { LogStore } from './store.ts'

export type LogWaiting = Waiting<Registered>

/** Tells all who wait for an entry the same error. */
export function failAll({ waiters }: LogWaiting, error: Error): void {
  for (const { reject } of waiters) reject(error)
}

/**
 * Answers duplicates of stored entries; returns what is new.
 * @param elsewhere makes the error for an entry that is stored above the released head.
 */
export async function answerStored(
  batch: readonly LogWaiting[],
  {
    store,
    released,
    elsewhere,
  }: {
    readonly store: Pick<LogStore, 'findLeafIndexes'>
    readonly released: ReleasedTree
    readonly elsewhere: (leafIndex: LeafIndex) => Error
  },
): Promise<readonly LogWaiting[]> {
  const found = await store.findLeafIndexes(batch.map(({ entryId }) => entryId))
  const fresh: LogWaiting[] = []
  for (const [at, waiting] of batch.entries()) {
    const leafIndex = found[at]
    if (leafIndex === undefined) {
      fresh.push(waiting)
      continue
    }
    const head = await released.firstHeadCovering(leafIndex)
    if (head === undefined) throw elsewhere(leafIndex)
    const { inclusionPath } = await released.inclusionProof(leafIndex, head)
    const answer = { leafIndex, head, inclusionPath, duplicate: true }
    for (const { resolve } of waiting.waiters) resolve(answer)
  }
  return fresh
}

/** Refuses what may not be stored now; a journal covers what was stored before, and is. */
export function refuseNew(
  batch: readonly LogWaiting[],
  refusal: UnavailableError | undefined,
): readonly LogWaiting[] {
  if (refusal === undefined) return batch
  const isJournal = ({ waiters }: LogWaiting): boolean =>
    waiters[0]!.candidate.follows !== undefined
  for (const waiting of batch) if (!isJournal(waiting)) failAll(waiting, refusal)
  return batch.filter(isJournal)
}

/**
 * Hands those back whose decision was made for another time or under another policy, and a journal
 * that does not follow the last one; returns the others.
 */
export async function refuseStale(
  batch: readonly LogWaiting[],
  {
    store,
    registrationTime,
    policyIndex,
  }: {
    readonly store: Pick<LogStore, 'findLastGovernance'>
    readonly registrationTime: UnixSeconds
    readonly policyIndex: LeafIndex
  },
): Promise<readonly LogWaiting[]> {
  const isStanding = (candidate: Candidate): boolean =>
    candidate.standsFrom <= registrationTime &&
    registrationTime <= candidate.standsUntil &&
    (candidate.policyIndex ?? policyIndex) === policyIndex
  const standing: LogWaiting[] = []
  for (const waiting of batch) {
    const waiters = waiting.waiters.filter(({ candidate }) => isStanding(candidate))
    const stale = waiting.waiters.filter(({ candidate }) => !isStanding(candidate))
    for (const { reject } of stale) reject(decisionStale())
    if (waiters.length > 0) standing.push({ ...waiting, waiters })
  }
  const last = standing.at(-1)
  const follows = last?.waiters[0]!.candidate.follows
  if (last === undefined || follows === undefined) return standing
  // A journal that is stored after this look-up makes the commit come second.
  const journal = (await store.findLastGovernance('journal')) ?? 'none'
  if (journal === follows) return standing
  failAll(last, journalMoved())
  return standing.slice(0, -1)
}

/** Answers a batch that was stored from `firstIndex` on, and is the newest one that is released. */
export function answerReleased(
  batch: readonly LogWaiting[],
  firstIndex: number,
  released: ReleasedTree,
): void {
  const head = released.state.signed
  for (const [at, { waiters }] of batch.entries()) {
    const leafIndex = (firstIndex + at) as LeafIndex
    const inclusionPath = released.newestPath(leafIndex)
    for (const [copy, { resolve }] of waiters.entries()) {
      resolve({ leafIndex, head, inclusionPath, duplicate: copy > 0 })
    }
  }
}
