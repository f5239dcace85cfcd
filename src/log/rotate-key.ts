/**
 * Rotation of the receipt key and of the checkpoint key (design D3). Nothing that was signed is signed
 * again: the next head is the first one of a new receipt key, and old Receipts verify with the retired
 * key, which is served for ever. A checkpoint can have two signatures, so both keys sign until the
 * outgoing one is retired: whoever still pins it loses nothing meanwhile. The caller holds the store's
 * lock and has the private key; where that is kept is not known here.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { encodeCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { StartError } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { LogStore } from './store.ts'
import type { StoredServiceKey } from './service-key-records.ts'

/** Purposes whose keys the service may change by itself: the others are named by the policy. */
export type RotatedPurpose = 'receipt' | 'checkpoint'

export interface RotationPorts {
  readonly store: Pick<LogStore, 'listServiceKeys' | 'changeServiceKeys' | 'readState'>
  readonly clock: Clock
}

/** The keys of one purpose that are in use, newest first. */
export async function readActiveKeys(
  store: Pick<LogStore, 'listServiceKeys'>,
  purpose: RotatedPurpose,
): Promise<readonly StoredServiceKey[]> {
  const keys = await store.listServiceKeys()
  return keys
    .filter((key) => key.purpose === purpose && key.retiredAt === undefined)
    .sort((a, b) => b.addedAt - a.addedAt)
}

/**
 * Makes `publicKey` the key of its purpose.
 * @throws StartError `ERR_CONFIGURATION` when it was one before, or a checkpoint key is outgoing.
 */
export async function rotateKey(
  { store, clock }: RotationPorts,
  { purpose, publicKey }: { readonly purpose: RotatedPurpose; readonly publicKey: PublicKey },
): Promise<void> {
  const keyId = keyThumbprint(publicKey)
  const all = await store.listServiceKeys()
  if (all.some((key) => equalBytes(key.keyId, keyId))) {
    throw new StartError('ERR_CONFIGURATION', 'the new key is, or was, a key of this service')
  }
  const active = await readActiveKeys(store, purpose)
  if (purpose === 'checkpoint' && active.length > 1) {
    throw new StartError(
      'ERR_CONFIGURATION',
      'two checkpoint keys are signing: retire the outgoing one first, attestry key retire',
    )
  }
  const addedAt = timeAfter(active, clock.now())
  await store.changeServiceKeys({
    purpose,
    added: { keyId, coseKey: encodeCoseKey(publicKey), addedAt },
    // Two keys cannot sign one head.
    retired: purpose === 'receipt' ? active.map((key) => key.keyId) : [],
    at: addedAt,
  })
}

/**
 * Ends the time in which two checkpoint keys sign; the retired keys are returned.
 * @throws StartError `ERR_CONFIGURATION` when there is no outgoing key.
 */
export async function retireOutgoingKeys({
  store,
  clock,
}: RotationPorts): Promise<readonly StoredServiceKey[]> {
  const active = await readActiveKeys(store, 'checkpoint')
  const outgoing = active.slice(1)
  if (outgoing.length === 0) {
    throw new StartError('ERR_CONFIGURATION', 'one checkpoint key is signing: none is outgoing')
  }
  await store.changeServiceKeys({
    purpose: 'checkpoint',
    retired: outgoing.map(({ keyId }) => keyId),
    at: timeAfter(active, clock.now()),
  })
  return outgoing
}

/** Which of two keys is the newer one must be plain, also when the clock stands. */
function timeAfter(keys: readonly StoredServiceKey[], now: UnixSeconds): UnixSeconds {
  return Math.max(now, ...keys.map(({ addedAt }) => addedAt + 1))
}
