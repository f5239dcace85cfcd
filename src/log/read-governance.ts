/**
 * The statements of other nodes that changed how entries are decided, with what they were admitted
 * with: what followers of the log are told, as if this node had committed them.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { leafIndex, treeSize } from '../bytes/integers.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { assertInvariant } from '../errors.ts'
import { changesDecisions, GOVERNANCE_KINDS } from '../payload/media-types.ts'
import type { GovernanceEntry } from './registered.ts'
import type { LogStore, NewCollateral } from './store.ts'

const DECIDING_KINDS = GOVERNANCE_KINDS.filter(changesDecisions)

/** Indexes in [from, end) of statements that change how others are decided, ascending. */
export async function listDeciding(
  store: Pick<LogStore, 'listGovernance'>,
  from: number,
  end: number,
): Promise<readonly LeafIndex[]> {
  const found: LeafIndex[] = []
  for (const kind of DECIDING_KINDS) found.push(...(await store.listGovernance(kind, from)))
  return found.filter((index) => index < end).sort((a, b) => a - b)
}

/**
 * @param entries what was read, and hashed into the tree, at these indexes; ascending.
 * @throws InvariantError when something that belongs to them is not stored.
 */
export async function readGovernance(
  store: LogStore,
  entries: ReadonlyMap<number, Uint8Array>,
): Promise<readonly GovernanceEntry[]> {
  const governance: GovernanceEntry[] = []
  for (const [index, entry] of entries) {
    // It is the last of its batch (design D4), so the batch's head tells its registration time.
    const batch = await store.findBatchHead(treeSize(index + 1))
    assertInvariant(batch !== undefined, `the governance statement ${index} does not end a batch`)
    const { registrationTime } = batch
    const collateral = await readCollateral(store, index)
    governance.push({ entry, leafIndex: leafIndex(index), registrationTime, collateral })
  }
  return governance
}

async function readCollateral(store: LogStore, index: number): Promise<NewCollateral[]> {
  const pieces: NewCollateral[] = []
  for (const { kind, digest } of await store.listEntryCollateral(index, index + 1)) {
    const found = await store.findCollateral(digest)
    assertInvariant(
      found !== undefined && equalBytes(sha256(found.bytes), digest),
      `${kind} collateral of entry ${index} is not stored as it was`,
    )
    pieces.push({ kind, digest, bytes: found.bytes })
  }
  return pieces
}
