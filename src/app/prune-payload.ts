/**
 * `attestry payload prune` on a data directory, beside a serving process or not: deletes content of
 * hash envelopes. What an admission or the index read goes only after the operator's word for it is
 * in the log (design D1).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { encodeHex } from '../bytes/hex.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import { systemClock } from './config.ts'
import { logPaths } from './data-directory.ts'
import type { DataPaths, LogPlace } from './data-directory.ts'
import { readPrunings } from './pruned-payloads.ts'
import type { RegisteredPruning } from './pruned-payloads.ts'
import { openPayloadPruning, openStoreReader } from './stores.ts'

/** Decisions that were made with the content are committed within this. */
const DECISIONS_SETTLE_MS = 2000

export interface PrunePayloadRequest extends LogPlace {
  readonly name: PayloadName
  /** Registers the pruning of `sha256:…` where it takes one and none is registered. */
  readonly registerPruning?: ((digest: string) => Promise<void>) | undefined
}

export type PruneOutcome =
  | { readonly kind: 'unknown' }
  /** The same bytes are collateral of another kind: they have to stay. */
  | { readonly kind: 'needed' }
  /** It takes a registered statement, and there is none. */
  | { readonly kind: 'needs-statement'; readonly digest: string }
  | { readonly kind: 'deleted'; readonly bytes: number; readonly pruning?: RegisteredPruning }

/** @throws StartError `ERR_LOG_MISSING`, or `ERR_CONFIGURATION` for a log of an earlier version. */
export async function prunePayload(request: PrunePayloadRequest): Promise<PruneOutcome> {
  const { name, registerPruning } = request
  const paths = logPaths(request)
  const payloads = await openPayloadPruning(paths)
  try {
    const found = await payloads.find(name)
    if (found === undefined) return { kind: 'unknown' }
    const { bytes } = found
    if (!found.isPinned && (await payloads.deleteUnpinned(found.digest))) {
      return { kind: 'deleted', bytes }
    }
    if (found.isNeeded) return { kind: 'needed' }
    const digest = `sha256:${encodeHex(found.digest)}`
    let pruning = await findPruning(paths, digest)
    if (pruning === undefined && registerPruning !== undefined) {
      await registerPruning(digest)
      pruning = await findPruning(paths, digest)
    }
    if (pruning === undefined) return { kind: 'needs-statement', digest }
    await payloads.mark(found.digest, pruning.entryId, systemClock.now())
    await wait(DECISIONS_SETTLE_MS)
    await payloads.deleteMarked(found.digest)
    return { kind: 'deleted', bytes, pruning }
  } finally {
    await payloads.close()
  }
}

async function findPruning(
  paths: Pick<DataPaths, 'store'>,
  digest: string,
): Promise<RegisteredPruning | undefined> {
  const store = await openStoreReader(paths)
  try {
    return (await readPrunings(store)).get(digest)
  } finally {
    await store.close()
  }
}
