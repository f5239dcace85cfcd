/** Why a log is not signed, as guard and store show it: each with what an operator can do. */
import { encodeHex } from '../bytes/hex.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { StartError } from '../errors.ts'
import type { Guard } from './guard.ts'
import type { LogStore, StoredState } from './store.ts'

export function guardMissing(stored: StoredState, { place }: Pick<Guard, 'place'>): StartError {
  const where = place === undefined ? '' : ` at ${place}`
  return new StartError(
    'ERR_GUARD_MISSING',
    `there is no guard for this log${where}, so nothing proves that this is its newest copy (it ends at ` +
      `size ${stored.treeHead.treeSize}). Name the right guard (--guard), or, if the guard is lost ` +
      `for good and you are sure that this is the newest copy, run: attestry guard adopt. If ` +
      `\`attestry init\` was interrupted, delete the data directory and run it again; if ` +
      `\`attestry migrate\` was, run that again`,
  )
}

export function guardMoved(movedTo: string): StartError {
  return new StartError(
    'ERR_LOG_MOVED',
    `this guard was put away when its log was moved to ${movedTo}, where the log goes on: what is ` +
      'here can be read and checked, and is never signed with again. Name that store (--store), and its guard',
  )
}

export function guardAhead(
  guardedSize: number,
  storedSize: number,
  { shared }: Pick<LogStore, 'shared'>,
): StartError {
  const refusal =
    shared === true
      ? `the database ends at ${storedSize}: it has lost entries (a standby was promoted without ` +
        `them, or a backup was restored). No node signs with it. Put the server back that has ` +
        `them; if it is lost`
      : `the data directory ends at ${storedSize}: this is an older copy of the log. Do not sign ` +
        `with it. Put the newest copy of the data directory back; if it is lost`
  return new StartError(
    'ERR_GUARD_AHEAD',
    `the guard holds a signed head of size ${guardedSize}, ${refusal}, this log cannot go on: ` +
      `export what is here (attestry log export), serve the files, and create a new one`,
  )
}

export function guardBehind(guarded: SignedTreeHead, storedSize: number): StartError {
  return new StartError(
    'ERR_GUARD_BEHIND',
    `the guard holds a head of size ${guarded.treeHead.treeSize}, the data directory goes on to ` +
      `${storedSize} with later heads: this is an older copy of the guard. A guard ` +
      `is never restored from a backup. Name the right one (--guard), or, if it is lost for good, ` +
      `move this one away and run: attestry guard adopt`,
  )
}

export function guardFork(guarded: SignedTreeHead): StartError {
  const { treeSize, rootHash } = guarded.treeHead
  return new StartError(
    'ERR_GUARD_FORK',
    `the guard holds a signed head of size ${treeSize} with the root ${encodeHex(rootHash)}, and ` +
      `the data directory has another history at that size: signing would fork the log. Do not ` +
      `sign with it. Put the data directory back that this guard belongs to`,
  )
}

export function guardForeign(origin: string, cause: Error): StartError {
  return new StartError(
    'ERR_GUARD_FORK',
    `the guard does not hold a head that this log signed: it is damaged or another log's, or this ` +
      `is an older copy of the log, from before its receipt key was replaced (${cause.message}). Do ` +
      `not sign, and adopt no other guard. Name the guard that belongs to ${origin}, or put the ` +
      `newest copy of the log back`,
    { cause },
  )
}
