/**
 * Watching a log for entries of some issuers and subjects (R33, R37): the log is followed as an audit
 * follows it, every entry hashed to the signed root, and each match is handed over once. The cursor
 * moves only after a hand-over succeeded, so a crash in between hands the same entry over again, with
 * the same entry id for the receiver to tell. Admissions are not replayed here; `audit-log.ts` does.
 */
import type { Sha256 } from '../bytes/digest.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { treeSize } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { matchesPattern } from '../statement/issuer-pattern.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { followTree } from './follow-tree.ts'
import type { FollowedTree, FollowOptions } from './follow-tree.ts'
import { EntryScanner } from './scan-entries.ts'
import type { Block } from './scan-entries.ts'
import type { LogPin } from './audit-state.ts'

/** An entry that matched; JSON for the receiver. */
export interface WatchEvent {
  readonly origin: string
  readonly leafIndex: number
  /** The same in every hand-over of the same entry. */
  readonly entryId: string
  readonly issuer: string
  readonly subject: string
  readonly contentType?: string | number
  /** When the log registered it, seconds since 1970. */
  readonly registrationTime: UnixSeconds
  /** Size of the verified tree that it was found in. */
  readonly treeSize: number
}

/** What a monitor remembers. */
export interface WatchState {
  readonly pin: LogPin
  /** The last verified head. */
  readonly head: TreeHead
  /** The first entry that was not looked at yet. */
  readonly next: number
}

export interface WatchOptions extends FollowOptions {
  readonly sha256: Sha256
  readonly state?: WatchState
  /** Entries match when one pattern of each list does; `*` stands for any text. */
  readonly issuers: readonly string[]
  readonly subjects: readonly string[]
  /** Without a state, begin behind the current end of the log. */
  readonly fromNow?: boolean
  /** Hands an event over; resolves when the receiver has it. */
  readonly deliver: (event: WatchEvent) => Promise<void>
  /** Keeps the state durably; called after every hand-over and every block. */
  readonly save: (state: WatchState) => Promise<void>
  readonly isCancelled?: () => boolean
}

/**
 * Looks once at everything that the log has and that was not looked at.
 * @returns the state to go on with, and how many events were handed over.
 * @throws AuditFault when the log is not what it was, or does not hash to its root.
 * @throws whatever `deliver` throws; nothing behind that entry was handed over.
 */
export async function watchLog(
  options: WatchOptions,
): Promise<{ readonly state: WatchState; readonly delivered: number }> {
  const { state: known, fromNow = false, save, isCancelled } = options
  const followed = await followTree(options, known === undefined ? [] : [known.head])
  const { head, pin } = followed
  let next = known?.next ?? (fromNow ? head.treeSize : 0)
  let delivered = 0
  // Until the end is reached, what was verified is the tree up to `next`.
  const stateAt = async (at: number): Promise<WatchState> => {
    const rootHash = at === head.treeSize ? head.rootHash : await followed.tree.rootAt(at)
    return { pin, head: { treeSize: treeSize(at), rootHash }, next: at }
  }
  // The place to begin at is kept first: a later run must not begin at another one.
  if (known === undefined) await save(await stateAt(next))
  const scanner = new EntryScanner({ ...options, ...followed, from: next })
  for (let block = await scanner.next(); block !== undefined; block = await scanner.next()) {
    for (const event of findMatches(block, followed, options)) {
      if (isCancelled?.() === true) return { state: await stateAt(next), delivered }
      await options.deliver(event)
      delivered += 1
      next = event.leafIndex + 1
      await save(await stateAt(next))
    }
    next = block.end
    await save(await stateAt(next))
    if (isCancelled?.() === true) break
  }
  return { state: await stateAt(next), delivered }
}

function findMatches(
  { start, entries, heads }: Block,
  { pin, head }: FollowedTree,
  { issuers, subjects, sha256 }: WatchOptions,
): readonly WatchEvent[] {
  return entries.flatMap((entry, offset) => {
    const leafIndex = start + offset
    const headers = readHeaders(entry, sha256)
    if (headers === undefined) return []
    const { entryId, issuer = '', subject = '', contentType } = headers
    const isMatch =
      issuers.some((pattern) => matchesPattern(pattern, issuer)) &&
      subjects.some((pattern) => matchesPattern(pattern, subject))
    if (!isMatch) return []
    const { registrationTime } = heads.find(({ treeSize: size }) => size > leafIndex)!
    const type = contentType === undefined ? {} : { contentType }
    const { origin } = pin
    const at = { registrationTime, treeSize: head.treeSize }
    return [{ origin, leafIndex, entryId, issuer, subject, ...type, ...at }]
  })
}

interface EntryHeaders {
  readonly entryId: string
  readonly issuer?: string
  readonly subject?: string
  readonly contentType?: string | number
}

/** An entry that is no statement says nothing about anybody; it is the audit's to report. */
function readHeaders(entry: Uint8Array, sha256: Sha256): EntryHeaders | undefined {
  try {
    const { entryId, headers } = parseSignedStatement(entry, { sha256 })
    const { issuer, subject, contentType, hashEnvelope } = headers
    const type = contentType ?? hashEnvelope?.preimageContentType
    return {
      entryId,
      ...(issuer === undefined ? {} : { issuer }),
      ...(subject === undefined ? {} : { subject }),
      ...(type === undefined ? {} : { contentType: type }),
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return undefined
  }
}
