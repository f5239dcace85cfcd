/**
 * Catching up with the other nodes of a log (ADR 0030). The guard says how far the tree is signed,
 * and everything up to there is read again and hashed, as at a start. At most one committed batch can
 * lie above it: some node is about to sign that one, or ended before it could, and then whoever sees
 * it does. A guard that is ahead of the store, or of another history, means here what it means at a
 * start: this log must not be signed any more.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { assertInvariant, StartError } from '../errors.ts'
import type { TileWrite } from '../merkle/edge.ts'
import { growTree } from './grow-tree.ts'
import { guardAhead, guardBehind, guardFork, guardMissing } from './guard-refusals.ts'
import type { LogPorts } from './ports.ts'
import { listDeciding, readGovernance } from './read-governance.ts'
import { checkGuardedHead } from './recover.ts'
import type { GovernanceEntry } from './registered.ts'
import type { TreeState } from './tree-state.ts'
import { signHead } from './signed-head.ts'
import type { StoredHead, StoredState } from './store.ts'

/** What a node found out. */
export interface CaughtUp {
  /** The tree up to the guard's head; the very state that it was called with if nothing moved. */
  readonly state: TreeState
  /** Tiles that became full since. */
  readonly tiles: readonly TileWrite[]
  /** Statements since that change how others are decided, ascending. */
  readonly governance: readonly GovernanceEntry[]
  /** Committed on top of `state` and not in the guard when that was read. */
  readonly pending?: StoredHead | undefined
}

/** The ports of a node, and every receipt key of the log. */
export interface NodePorts extends LogPorts {
  readonly receiptKeys: readonly PublicKey[]
}

/**
 * Reads what guard and store hold now.
 * @throws StartError `ERR_GUARD_AHEAD`, `ERR_GUARD_FORK`, `ERR_GUARD_BEHIND`, `ERR_GUARD_MISSING`:
 *   nothing may be signed any more; `ERR_NODE_FENCED`: this process has to end.
 * @throws InvariantError when the store does not hold what its heads say.
 * @throws UnavailableError when store or guard cannot be reached: nothing is known then.
 */
export async function catchUp(ports: NodePorts, known: TreeState): Promise<CaughtUp> {
  // The guard first: it never is ahead of a store that is read after it.
  const guarded = await ports.guard.read()
  const stored = await ports.store.readState()
  if (guarded === undefined) throw guardMissing(stored, ports.guard)
  checkNotFenced(ports, known.stored, stored)
  const [guardedSize, storedSize] = [guarded.treeHead.treeSize, stored.treeHead.treeSize]
  if (guardedSize > storedSize) throw guardAhead(guardedSize, storedSize, ports.store)
  if (guardedSize < known.stored.treeHead.treeSize) throw guardBehind(guarded, storedSize)
  const released = await releaseUpTo(ports, known, { guarded, stored })
  if (guardedSize < storedSize) return { ...released, pending: headOf(stored) }
  if (!isSameBatch(released.state.stored, stored)) throw guardFork(guarded)
  assertInvariant(
    released.state.stored.policyIndex === stored.policyIndex,
    `the last entry that changes rules is ${stored.policyIndex}, and another one is found`,
  )
  return released
}

/**
 * Signs the head that was committed on top of what was found, with the time that it was committed with, and
 * puts it into the guard; returns both. Undefined when others did, or went on meanwhile: look again.
 * @throws as {@link catchUp}.
 */
export async function finishPending(
  ports: NodePorts,
  { state, tiles, governance }: CaughtUp,
  pending: StoredHead,
): Promise<CaughtUp | undefined> {
  const { store, guard } = ports
  const storedSize = pending.treeHead.treeSize
  const batches = await store.listBatchHeads(state.stored.treeHead.treeSize, 2)
  if (batches.length !== 1 || batches[0]!.treeHead.treeSize !== storedSize) {
    // A batch is committed only when the one before is in the guard: so the guard has moved on.
    const now = await guard.read()
    if (now === undefined || equalBytes(now.bytes, state.signed.bytes)) {
      throw guardBehind(state.signed, storedSize)
    }
    return undefined
  }
  // Committed is not durable yet: who committed it may have been cut off, or the primary restarted,
  // while it waited for a synchronous standby. A write that succeeds says so of all before it.
  await store.saveSignedHead(state.signed)
  const grown = await growTo(ports, state, { ...pending, registrationTime: batches[0]!.registrationTime }) // prettier-ignore
  // As in `write-batch.ts`: the first signature in the guard counts, and no other one is seen.
  const signed = await signHead(ports, grown.state.stored)
  const held = await guard.advance(state.signed, signed)
  if (!equalBytes(held.bytes, signed.bytes)) return undefined
  return {
    state: { ...grown.state, signed },
    tiles: [...tiles, ...grown.tiles],
    governance: [...governance, ...grown.governance],
  }
}

async function releaseUpTo(
  ports: NodePorts,
  known: TreeState,
  { guarded, stored }: { readonly guarded: SignedTreeHead; readonly stored: StoredState },
): Promise<CaughtUp> {
  if (equalBytes(guarded.bytes, known.signed.bytes)) {
    return { state: known, tiles: [], governance: [] }
  }
  await checkGuardedHead(ports, guarded, ports.receiptKeys)
  const { treeHead, registrationTime } = guarded
  const isNewest = treeHead.treeSize === stored.treeHead.treeSize
  const batch = isNewest ? stored : await ports.store.findBatchHead(treeHead.treeSize)
  const isOurs =
    batch?.registrationTime === registrationTime &&
    equalBytes(batch.treeHead.rootHash, treeHead.rootHash)
  if (!isOurs) throw guardFork(guarded)
  const { policyIndex, epoch } = stored
  const grown = await growTo(ports, known, { treeHead, registrationTime, policyIndex, ...(epoch === undefined ? {} : { epoch }) }) // prettier-ignore
  return { ...grown, state: { ...grown.state, signed: guarded, isSaved: false } }
}

/**
 * The tree up to a head that the store has.
 * @param to its `policyIndex` may be that of a later head; what comes back has its own.
 */
async function growTo(ports: NodePorts, known: TreeState, to: StoredHead): Promise<CaughtUp> {
  const { treeSize, rootHash } = to.treeHead
  const first = known.stored.treeHead.treeSize
  const deciding =
    to.policyIndex === known.stored.policyIndex
      ? []
      : await listDeciding(ports.store, first, treeSize)
  const grown = await growTree(ports, known, { treeSize, keep: new Set(deciding) })
  assertInvariant(
    equalBytes(grown.rootHash, rootHash),
    `the stored entries of tree size ${treeSize} have the root ${encodeHex(grown.rootHash)}, ` +
      `the committed head says ${encodeHex(rootHash)}`,
  )
  assertInvariant(
    to.registrationTime >= known.stored.registrationTime,
    `the head of size ${treeSize} was registered before an earlier one`,
  )
  const policyIndex = deciding.at(-1) ?? known.stored.policyIndex
  return {
    state: {
      ...{ edge: grown.edge, range: grown.range, stored: { ...to, policyIndex } },
      ...{ signed: known.signed, isSaved: false },
    },
    tiles: grown.tiles,
    governance: await readGovernance(ports.store, grown.kept),
  }
}

function headOf({ treeHead, registrationTime, policyIndex, epoch }: StoredState): StoredHead {
  const head = { treeHead, registrationTime, policyIndex }
  return epoch === undefined ? head : { ...head, epoch }
}

function isSameBatch(a: StoredHead, b: StoredHead): boolean {
  return (
    a.treeHead.treeSize === b.treeHead.treeSize &&
    equalBytes(a.treeHead.rootHash, b.treeHead.rootHash) &&
    a.registrationTime === b.registrationTime
  )
}

/** Whoever changes keys or adopts a guard raises the epoch: nodes that ran before commit no more. */
function checkNotFenced({ signer }: LogPorts, known: StoredHead, stored: StoredState): void {
  if (known.epoch === stored.epoch) return
  const isNewKey = !equalBytes(keyThumbprint(signer.publicKey), stored.receiptKeyId)
  throw new StartError(
    'ERR_NODE_FENCED',
    isNewKey
      ? `this log has another receipt key now, ${encodeHex(stored.receiptKeyId)}: put its file ` +
          `into this node's key directory and start it again`
      : `keys or guard of this log were changed while this node was running: start it again`,
  )
}
