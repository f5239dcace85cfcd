/**
 * The write path (design D7): one batch, in the order of durability, with what a crash leaves behind
 * at each step.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { UnavailableError } from '../errors.ts'
import type { LogPorts } from './ports.ts'
import { signHead } from './signed-head.ts'
import { verifyStored } from './verify-stored.ts'
import type { ReadBackStore } from './verify-stored.ts'
import type { PathBatch, TellStep, UnwrittenBatch, WrittenBatch } from './write-path.ts'

/** What the steps need; `commit` stores the batch durably, as `LogStore.commit`. */
export interface WritePorts extends Pick<
  LogPorts,
  'guard' | 'signer' | 'verifier' | 'hasher' | 'issuer' | 'origin'
> {
  readonly store: ReadBackStore
  commit(): Promise<void>
}

/**
 * Commits, reads back, signs and guards one batch.
 * @throws UnavailableError where several nodes commit: another one was faster, or store or guard were
 *   lost in the middle. The caller looks at both before it decides anything.
 * @throws anything else when the outcome is unknown: the caller stops, and start-up decides.
 */
export async function writeBatch(
  ports: WritePorts,
  { commit, range, from }: PathBatch,
  tell: TellStep,
): Promise<WrittenBatch | UnwrittenBatch> {
  // Nothing exists yet: a crash or a refusal here costs the clients of this batch one retry.
  try {
    await ports.commit()
  } catch (error) {
    return notStored(error)
  }
  tell('committed')

  // The entries exist from here on, at these indexes for ever. A crash loses the answers only:
  // start-up finds the guard one batch behind, signs this head with this time, and a retry finds
  // its duplicate.
  const { next, entries, tiles } = commit
  const reread = await verifyStored(ports, {
    ...{ range, tiles, treeHead: next.treeHead, entriesCount: entries.length },
    collateral: entries.flatMap(({ collateral = [] }) => collateral),
  })
  tell('verified')
  const signed = await signHead(ports, next)
  tell('signed')

  // The signature must not leave the process before the guard holds it. If the guard holds it and
  // we crash, start-up finds guard and store equal and copies the head into the store.
  await putIntoGuard(ports, from, signed)
  tell('guarded')
  return { kind: 'written', range: reread, signed }
}

/** Frozen: for all nodes, and before this one knows of it. */
const NOTHING_STORED: ReadonlySet<string> = new Set(['ERR_STORE_BUSY', 'ERR_LOG_FROZEN'])

/**
 * A store that knows that it stored nothing is the one failure that the log survives.
 * @throws every other error of a commit.
 */
export function notStored(error: unknown): UnwrittenBatch {
  if (error instanceof UnavailableError && NOTHING_STORED.has(error.code)) {
    return { kind: 'not-stored', error }
  }
  throw error
}

/**
 * Puts a signature into the guard.
 * @throws UnavailableError `ERR_HEAD_MOVED` when another node finished this batch before, while we were
 *   slow, and may have gone on since: the batch is in the tree, and what the guard holds has yet to be
 *   verified. Our signature is never seen then.
 */
async function putIntoGuard(
  { guard }: Pick<LogPorts, 'guard'>,
  from: SignedTreeHead,
  signed: SignedTreeHead,
): Promise<void> {
  const held = await guard.advance(from, signed)
  if (equalBytes(held.bytes, signed.bytes)) return
  throw new UnavailableError('ERR_HEAD_MOVED', 'another node finished this batch')
}
