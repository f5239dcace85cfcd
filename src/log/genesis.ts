/**
 * Creating a log (design D4): its rules, the governance statements, are its first entries, committed
 * as one batch, so that every later entry is admitted under rules that are in the tree. An explicit
 * command and never a side effect; whoever calls this has made an empty store.
 */
import { sha256 as portableSha256 } from '../bytes/digest.ts'
import { leafIndex } from '../bytes/integers.ts'
import { encodeCoseKey } from '../cose/public-key.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { assertInvariant, StartError } from '../errors.ts'
import { TreeEdge } from '../merkle/edge.ts'
import { CompactRange } from './compact-range.ts'
import type { LogPorts } from './ports.ts'
import { signHead } from './signed-head.ts'
import type { StoredHead } from './store.ts'
import type { StoredServiceKey } from './service-key-records.ts'
import { verifyStored } from './verify-stored.ts'

export interface CreateLogOptions extends LogPorts {
  /** Canonical bytes of the first governance statements: the policy, then the trust anchors. */
  readonly entries: readonly Uint8Array[]
  /** Public keys to serve besides the receipt key. */
  readonly serviceKeys?: readonly Omit<StoredServiceKey, 'addedAt'>[]
}

/**
 * Creates the log, its first signed head and its guard.
 * @throws StartError `ERR_LOG_EXISTS` when there is a log or a guard already.
 */
export async function createLog(options: CreateLogOptions): Promise<SignedTreeHead> {
  const { store, guard, hasher, signer, clock, origin, issuer, entries } = options
  // A Receipt needs a path of at least one hash (RFC 9942 §5.2), hence a first head above size 1.
  assertInvariant(entries.length >= 2, 'a log starts with its policy and its trust anchors')
  if ((await guard.read()) !== undefined) {
    throw new StartError(
      'ERR_LOG_EXISTS',
      'there is a guard already, so a log was created with it: do not create another one in its ' +
        'place. Choose another guard path and data directory for a new log',
    )
  }
  const { edge, tiles } = TreeEdge.empty(hasher).append(entries.map((entry) => hasher.leaf(entry)))
  const registrationTime = clock.now()
  const next: StoredHead = {
    treeHead: { treeSize: edge.treeSize, rootHash: edge.rootHash() },
    registrationTime,
    policyIndex: leafIndex(entries.length - 1),
  }
  const receiptKeyId = keyThumbprint(signer.publicKey)
  const receiptKey = { keyId: receiptKeyId, purpose: 'receipt' as const }
  await store.create({
    identity: { origin, issuer, receiptKeyId },
    batch: {
      next,
      entries: entries.map((entry, at) => ({
        entryId: portableSha256(entry),
        entry,
        kind: at === 0 ? 'policy' : 'trust-anchors',
      })),
      tiles,
    },
    serviceKeys: [
      { ...receiptKey, coseKey: encodeCoseKey(signer.publicKey), addedAt: registrationTime },
      ...(options.serviceKeys ?? []).map((key) => ({ ...key, addedAt: registrationTime })),
    ],
  })
  await verifyStored(options, {
    range: CompactRange.empty(hasher),
    entriesCount: entries.length,
    tiles,
    treeHead: next.treeHead,
  })
  const signed = await signHead(options, next)
  // Until the guard exists nothing refuses a second genesis in another place, and nobody has seen
  // this one: a crash before this line leaves a directory that does not start and can be deleted.
  await guard.create(signed)
  await store.saveSignedHead(signed)
  return signed
}
