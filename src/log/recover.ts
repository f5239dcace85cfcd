/**
 * Start-up (design D7; reliability §4): decides whether the log may be appended to. The right edge
 * is recomputed from what is stored and compared with the stored head, and the stored head with the
 * guard. The one state that is repaired is a batch whose process ended before its head was in the
 * guard; everything else is refused, with a message that says what an operator can do.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { StartError } from '../errors.ts'
import { guardAhead, guardBehind, guardForeign, guardFork, guardMissing, guardMoved } from './guard-refusals.ts' // prettier-ignore
import { LOG_LIMITS } from './limits.ts'
import type { LogPorts } from './ports.ts'
import { readEdge } from './read-edge.ts'
import type { StoredEdge } from './read-edge.ts'
import type { TreeState } from './tree-state.ts'
import { signHead, verifyLogHead } from './signed-head.ts'
import type { LogStore, StoredState } from './store.ts'
import { TreeReader } from './tree-reader.ts'

/**
 * The state that appending goes on from; guard and store are equal then.
 * @throws StartError when this copy of the log must not be signed with.
 */
export async function recoverTree(
  ports: LogPorts,
  clockBehindSecondsMax: number = LOG_LIMITS.clockBehindSecondsMax,
): Promise<TreeState> {
  const stored = await ports.store.readState()
  checkIdentity(ports, stored)
  checkClock(ports, stored, clockBehindSecondsMax)
  const edge = await readEdge(ports, stored)
  const guarded = await ports.guard.read()
  if (guarded === undefined) throw guardMissing(stored, ports.guard)
  if (ports.guard.movedTo !== undefined) throw guardMoved(ports.guard.movedTo)
  await checkGuardedHead(ports, guarded, await readReceiptKeys(ports.store))

  const storedSize = stored.treeHead.treeSize
  const guardedSize = guarded.treeHead.treeSize
  if (guardedSize > storedSize) throw guardAhead(guardedSize, storedSize, ports.store)
  if (guardedSize < storedSize) return finishCommittedHead(ports, { stored, edge, guarded })
  if (!equalBytes(guarded.treeHead.rootHash, stored.treeHead.rootHash)) throw guardFork(guarded)
  if (guarded.registrationTime !== stored.registrationTime) throw guardFork(guarded)
  // The process may have ended before the head was copied from the guard into the store.
  await ports.store.saveSignedHead(guarded)
  return { ...edge, stored, signed: guarded, isSaved: true }
}

/** @throws StartError unless the ports are for this log, and the receipt key is its current one. */
export function checkIdentity(
  { origin, issuer, signer }: Pick<LogPorts, 'origin' | 'issuer' | 'signer'>,
  stored: StoredState,
): void {
  if (stored.origin !== origin || stored.issuer !== issuer) {
    throw new StartError(
      'ERR_CONFIGURATION',
      `the stored log is ${stored.origin} of ${stored.issuer}, the configuration says ${origin} ` +
        `of ${issuer}: point the configuration at the right data directory`,
    )
  }
  const keyId = keyThumbprint(signer.publicKey)
  if (!equalBytes(keyId, stored.receiptKeyId)) {
    throw new StartError(
      'ERR_KEY_MISMATCH',
      `the receipt key has the thumbprint ${encodeHex(keyId)}, this log signs with ` +
        `${encodeHex(stored.receiptKeyId)}: put the log's own key file back`,
    )
  }
}

/** @throws StartError `ERR_CLOCK_BEHIND`. */
export function checkClock({ clock }: LogPorts, stored: StoredState, secondsMax: number): void {
  const behind = stored.registrationTime - clock.now()
  if (behind <= secondsMax) return
  throw new StartError(
    'ERR_CLOCK_BEHIND',
    `the clock is ${behind} s behind the last registration: set the clock (NTP), then start again`,
  )
}

/** All receipt keys: after a rotation the last head is still of the key before. */
export async function readReceiptKeys(
  store: Pick<LogStore, 'listServiceKeys'>,
): Promise<PublicKey[]> {
  const keys = await store.listServiceKeys()
  return keys.flatMap(({ purpose, coseKey }) =>
    purpose === 'receipt' ? [parseCoseKey(coseKey)] : [],
  )
}

/** @throws StartError `ERR_GUARD_FORK` unless one of the log's receipt keys signed the head. */
export async function checkGuardedHead(
  { origin, issuer, verifier }: LogPorts,
  head: SignedTreeHead,
  keys: readonly PublicKey[],
): Promise<void> {
  try {
    await verifyLogHead({ head, identity: { origin, issuer }, keys, verifier })
  } catch (cause) {
    throw guardForeign(origin, cause as Error)
  }
}

/**
 * The process ended after the commit and before the guard: nobody has seen the committed head, and
 * its entries are in the tree. Proves that the guarded head is a prefix of it, then signs it with
 * the registration time that the batch was committed with.
 */
async function finishCommittedHead(
  ports: LogPorts,
  found: { stored: StoredState; edge: StoredEdge; guarded: SignedTreeHead },
): Promise<TreeState> {
  const { stored, edge, guarded } = found
  const { store } = ports
  const { treeSize, rootHash } = guarded.treeHead
  const reader = TreeReader.open(ports, edge.edge, LOG_LIMITS.cacheTilesMax)
  const committed = await store.findBatchHead(treeSize)
  const isPrefix =
    equalBytes(await reader.rootAt(treeSize), rootHash) &&
    committed !== undefined &&
    equalBytes(committed.treeHead.rootHash, rootHash) &&
    committed.registrationTime === guarded.registrationTime
  if (!isPrefix) throw guardFork(guarded)
  const [batches, laterHeads] = [
    await store.listBatchHeads(treeSize, 2),
    await store.listSignedHeads(treeSize, 1),
  ]
  // A batch is committed only when the one before is in the guard, so it is one behind at most.
  if (batches.length !== 1 || laterHeads.length > 0)
    throw guardBehind(guarded, stored.treeHead.treeSize)
  await store.saveSignedHead(guarded)
  const signed = await signHead(ports, stored)
  await ports.guard.advance(guarded, signed)
  return { ...edge, stored, signed, isSaved: false }
}
