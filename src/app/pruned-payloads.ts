/** What the log itself says was deleted from the payload store: registered prunings (design D1). */
import { encodeHex } from '../bytes/hex.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { assertInvariant } from '../errors.ts'
import { nativeSha256 } from '../keys/native-hash.ts'
import type { IsPruned } from '../log/check-stored.ts'
import type { LogStore } from '../log/store.ts'
import { parsePayloadPruning } from '../policy/payload-pruning.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'

/** One registered pruning. */
export interface RegisteredPruning {
  readonly leafIndex: LeafIndex
  readonly entryId: Uint8Array
  readonly reason: string
}

/** The first pruning of each content, by `sha256:` and hex. */
export async function readPrunings(
  store: Pick<LogStore, 'listGovernance' | 'readEntries'>,
): Promise<ReadonlyMap<string, RegisteredPruning>> {
  const prunings = new Map<string, RegisteredPruning>()
  for (const leafIndex of await store.listGovernance('payload-pruning', 0)) {
    const [stored] = await store.readEntries(leafIndex, 1)
    assertInvariant(stored?.leafIndex === leafIndex, `entry ${leafIndex} is not stored`)
    const { entryDigest: entryId, message } = parseSignedStatement(stored.entry, {
      sha256: nativeSha256,
    })
    const { payload } = message
    assertInvariant(payload !== null, `entry ${leafIndex} has no payload`)
    const { digest, reason } = parsePayloadPruning(payload)
    if (!prunings.has(digest)) prunings.set(digest, { leafIndex, entryId, reason })
  }
  return prunings
}

/** Whether content was pruned, by its SHA-256; the log is read when it is asked first. */
export function prunedIn(store: Pick<LogStore, 'listGovernance' | 'readEntries'>): IsPruned {
  let prunings: ReturnType<typeof readPrunings> | undefined
  return async (digest) => {
    prunings ??= readPrunings(store)
    return (await prunings).has(`sha256:${encodeHex(digest)}`)
  }
}
