/**
 * `attestry log check`: re-derives everything that is stored from the entries and compares. Every
 * entry is hashed again and found under its id; tiles of all levels, the root of every batch, times,
 * and every signature are checked. It streams, so memory does not grow with the log, and it may run
 * beside a serving process: it checks up to the head that it found first.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { sha256 as portableSha256 } from '../bytes/digest.ts'
import type { Sha256 } from '../bytes/digest.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { parseCoseKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { AttestryError, StartError, UnavailableError } from '../errors.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import { checkHeads } from './check-heads.ts'
import { readTreeAt } from './check-resume.ts'
import { checkCollateral, checkEntries, checkTiles, corrupt, readKinds } from './check-stored.ts'
import type { CheckContext, CheckProgress, IsPruned, KindOf, KnownHead } from './check-stored.ts'
import type { Guard } from './guard.ts'
import type { CheckingPorts } from './ports.ts'
import { verifyLogHead } from './signed-head.ts'
import type { StoredState } from './store.ts'

export interface CheckLogOptions extends CheckingPorts {
  /** Compared when given; a guard that is missing is reported, not refused. */
  readonly guard?: Pick<Guard, 'read'>
  readonly knownHeads?: readonly KnownHead[]
  readonly sha256?: Sha256
  /** What an entry does to the log, to compare with what the store says. */
  readonly kindOf?: KindOf
  /** Without it, everything that entries were admitted with has to be there. */
  readonly isPruned?: IsPruned
  /** Called after each tile's width of entries. The check waits for it, and ends when it throws. */
  readonly onProgress?: (progress: CheckedSoFar) => Promise<void> | void
  /** Entries below it were checked before: a multiple of a tile's width. */
  readonly from?: number
}

export interface CheckedSoFar {
  readonly entries: number
  readonly treeSize: number
  /** What was read since the last time: entries and collateral. */
  readonly bytes: number
}

/** What was checked, and holds. */
export interface CheckReport {
  readonly state: StoredState
  readonly entries: number
  readonly tiles: number
  readonly batches: number
  readonly signedHeads: number
  /** Size of the guard's head; `missing` without guard, `not-checked` when none was given. */
  readonly guard: number | 'missing' | 'not-checked'
}

/**
 * Checks a stored log.
 * @throws StartError `ERR_LOG_CORRUPT` naming the first thing that does not hold, `ERR_GUARD_AHEAD`
 *   or `ERR_GUARD_FORK` when a head that somebody holds is not in the log, `ERR_LOG_MISSING`.
 */
export async function checkLog(options: CheckLogOptions): Promise<CheckReport> {
  // The guard first: it never is ahead of a store that is read after it.
  const guarded = await options.guard?.read()
  const state = await asCorrupt('the stored head', () => options.store.readState())
  const keys = await readReceiptKeys(options, state)
  const known = [...(options.knownHeads ?? [])]
  if (guarded !== undefined) {
    const { verifier } = options
    await asCorrupt('the guard', () =>
      verifyLogHead({ head: guarded, identity: state, keys, verifier }),
    )
    known.push({ ...guarded.treeHead, heldBy: 'the guard' })
  }
  for (const head of known) checkNotAhead(head, state)
  const progress = await walk({ ...options, state, keys, known }, options)
  const guard = guarded?.treeHead.treeSize ?? (options.guard ? 'missing' : 'not-checked')
  const { tiles, batches, signedHeads } = progress
  return { state, entries: state.treeHead.treeSize, tiles, batches, signedHeads, guard }
}

async function walk(
  context: CheckContext,
  { sha256 = portableSha256, kindOf, isPruned, onProgress, from = 0 }: CheckLogOptions,
): Promise<CheckProgress> {
  const { state } = context
  const { treeSize } = state.treeHead
  // With nothing left to check, there would be nothing to compare the last head with.
  const first = from < treeSize ? from : 0
  const progress: CheckProgress = {
    ...(await asCorrupt('the tree', () => readTreeAt(context, first))),
    ...{ lastTime: 0, lastBatchSize: 0, tiles: 0, batches: 0, signedHeads: 0 },
  }
  const kinds = await asCorrupt('the list of rules and journals', () => readKinds(context.store))
  for (let start = first; start < treeSize; start += TILE_WIDTH) {
    const end = Math.min(start + TILE_WIDTH, treeSize)
    const bytes = await asCorrupt(`the entries from ${start} on`, async () => {
      const checked = await checkEntries({ ...context, sha256, kindOf, kinds }, start, end)
      const collateral = await checkCollateral({ ...context, sha256, isPruned }, start, end)
      await checkTiles(context, progress, checked.leafHashes)
      await checkHeads(context, progress, checked.leafHashes)
      return checked.bytes + collateral
    })
    await onProgress?.({ entries: end, treeSize, bytes })
  }
  const isWhole =
    progress.range.treeSize === treeSize &&
    progress.lastBatchSize === treeSize &&
    equalBytes(progress.range.rootHash(), state.treeHead.rootHash)
  if (!isWhole) throw corrupt(`the stored head of size ${treeSize} is not that of its entries`)
  return progress
}

async function readReceiptKeys(
  { store }: CheckLogOptions,
  state: StoredState,
): Promise<PublicKey[]> {
  return asCorrupt('the service keys', async () => {
    const stored = await store.listServiceKeys()
    const keys = stored.map(({ coseKey, keyId, purpose }) => {
      const key = parseCoseKey(coseKey)
      if (!equalBytes(keyThumbprint(key), keyId)) throw corrupt('a service key has another kid')
      return { key, keyId, purpose }
    })
    const receiptKeys = keys.filter(({ purpose }) => purpose === 'receipt')
    if (!receiptKeys.some(({ keyId }) => equalBytes(keyId, state.receiptKeyId))) {
      throw corrupt('the receipt key is not among the service keys')
    }
    return receiptKeys.map(({ key }) => key)
  })
}

function checkNotAhead({ treeSize, heldBy }: KnownHead, { treeHead }: StoredState): void {
  if (treeSize <= treeHead.treeSize) return
  throw new StartError(
    'ERR_GUARD_AHEAD',
    `${heldBy} holds a signed head of size ${treeSize}, the data directory ends at ` +
      `${treeHead.treeSize}: this is an older copy of the log. Do not sign with it`,
  )
}

/** Errors of parsing, verifying and reading stored bytes mean here that the store is damaged. */
async function asCorrupt<Value>(what: string, check: () => Promise<Value>): Promise<Value> {
  try {
    return await check()
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    if (cause instanceof StartError || cause instanceof UnavailableError) throw cause
    throw new StartError('ERR_LOG_CORRUPT', `${what}: ${cause.message}`, { cause })
  }
}
