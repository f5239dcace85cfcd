/**
 * Start-up of one of several nodes (ADR 0030). The others go on meanwhile, so what is read first may
 * be old when the rest is read: the state is made as of the guard's head, which is signed and stays in
 * the tree, and `catch-up.ts` goes on from there. What forbids signing is the same as for one node.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { assertInvariant } from '../errors.ts'
import { guardAhead, guardFork, guardMissing } from './guard-refusals.ts'
import type { NodePorts } from './catch-up.ts'
import { readEdge } from './read-edge.ts'
import { listDeciding } from './read-governance.ts'
import { checkClock, checkGuardedHead, checkIdentity } from './recover.ts'
import type { TreeState } from './tree-state.ts'
import type { StoredState } from './store.ts'

/**
 * The state as of the guard's head.
 * @throws StartError when this log must not be signed with.
 */
export async function recoverNode(
  ports: NodePorts,
  clockBehindSecondsMax: number,
): Promise<TreeState> {
  const { store, guard, receiptKeys } = ports
  // The guard first: it never is ahead of a store that is read after it.
  const guarded = await guard.read()
  const stored = await store.readState()
  checkIdentity(ports, stored)
  checkClock(ports, stored, clockBehindSecondsMax)
  if (guarded === undefined) throw guardMissing(stored, ports.guard)
  await checkGuardedHead(ports, guarded, receiptKeys)
  const { treeHead, registrationTime } = guarded
  if (treeHead.treeSize > stored.treeHead.treeSize) {
    throw guardAhead(treeHead.treeSize, stored.treeHead.treeSize, store)
  }
  const batch = await store.findBatchHead(treeHead.treeSize)
  const isOurs =
    batch?.registrationTime === registrationTime &&
    equalBytes(batch.treeHead.rootHash, treeHead.rootHash)
  if (!isOurs) throw guardFork(guarded)
  const edge = await readEdge(ports, guarded)
  const policyIndex = await policyIndexAt(ports, stored, treeHead.treeSize)
  const head = { treeHead, registrationTime, policyIndex }
  const { epoch } = stored
  return {
    ...edge,
    stored: epoch === undefined ? head : { ...head, epoch },
    signed: guarded,
    isSaved: false,
  }
}

async function policyIndexAt(
  { store }: NodePorts,
  stored: StoredState,
  treeSize: number,
): Promise<StoredState['policyIndex']> {
  if (stored.policyIndex < treeSize) return stored.policyIndex
  const last = (await listDeciding(store, 0, treeSize)).at(-1)
  assertInvariant(last !== undefined, 'a log starts with its policy and its trust anchors')
  return last
}
