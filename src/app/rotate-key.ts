/**
 * `attestry key rotate` and `attestry key retire` on a data directory (design D3). The new private key
 * is written first, under a name of its own; then the store makes it the log's in one transaction. A
 * crash in between leaves a key file that nothing names. No private key is ever deleted here.
 */
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { keyThumbprint } from '../cose/thumbprint.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { generateKeyFile } from '../keys/file-signer.ts'
import { parsePkcs11Uri } from '../keys/pkcs11-uri.ts'
import {
  retireOutgoingKeys,
  rotateKey as rotateStoredKey,
  readActiveKeys,
} from '../log/rotate-key.ts'
import type { RotatedPurpose } from '../log/rotate-key.ts'
import type { StoredServiceKey } from '../log/service-key-records.ts'
import { encodeVerifierKey } from '../note/verifier-key.ts'
import { StartError } from '../errors.ts'
import { systemClock } from './config.ts'
import { logPaths } from './data-directory.ts'
import type { LogPlace } from './data-directory.ts'
import {
  loadServiceSigner,
  openReceiptToken,
  readCheckpointKeys,
  ROTATED_KEY_ALGORITHMS,
  rotatedKeyPath,
} from './service-signers.ts'
import type { KeyPaths } from './service-signers.ts'
import { openStoreReader, openStoreWriter } from './stores.ts'

/** A rotation that was done. */
export interface KeyRotation {
  readonly purpose: RotatedPurpose
  readonly publicKey: PublicKey
  readonly keyId: Uint8Array
  /** Where the private key is: a file, or a key in a token. */
  readonly path: string
  /** Keys that were in use before; a checkpoint key signs on until it is retired. */
  readonly before: readonly StoredServiceKey[]
  /** Verifier keys of the checkpoints from now on, newest first. */
  readonly vkeys: readonly string[]
}

/**
 * Gives a log another key: a new file, or for Receipts the key of a token that `receiptKey` names.
 * The log must not be served meanwhile: the store's lock is taken.
 * @throws StartError `ERR_LOG_LOCKED`, `ERR_LOG_MISSING`, `ERR_KEY_MISMATCH`, `ERR_KEY_FILE` or
 *   `ERR_CONFIGURATION`.
 */
export async function rotateKey(
  place: LogPlace,
  purpose: RotatedPurpose,
  receiptKey?: string,
): Promise<KeyRotation> {
  const paths = logPaths(place)
  const store = await openStoreWriter(paths)
  try {
    const { origin } = await store.readState()
    const before = await readActiveKeys(store, purpose)
    const { publicKey, path } =
      receiptKey === undefined
        ? await generateKey(paths, purpose, before)
        : await tokenKey(purpose, receiptKey)
    await rotateStoredKey({ store, clock: systemClock }, { purpose, publicKey })
    const { active } = await readCheckpointKeys(store, origin)
    const keyId = keyThumbprint(publicKey)
    return { purpose, publicKey, keyId, path, before, vkeys: active.map(encodeVerifierKey) }
  } finally {
    await store.close()
  }
}

/** Ends the time in which two checkpoint keys sign. Throws as {@link rotateKey}. */
export async function retireKey(
  place: LogPlace,
): Promise<{ readonly retired: readonly StoredServiceKey[]; readonly vkey: string }> {
  const store = await openStoreWriter(logPaths(place))
  try {
    const { origin } = await store.readState()
    const retired = await retireOutgoingKeys({ store, clock: systemClock })
    const { active } = await readCheckpointKeys(store, origin)
    return { retired, vkey: encodeVerifierKey(active[0]!) }
  } finally {
    await store.close()
  }
}

/** Verifier keys of a log; may run beside a serving process, and needs no private key. */
export async function readVerifierKeys(place: LogPlace): Promise<{
  readonly origin: string
  readonly active: readonly string[]
  readonly retired: readonly string[]
}> {
  const store = await openStoreReader(logPaths(place))
  try {
    const { origin } = await store.readState()
    const { active, retired } = await readCheckpointKeys(store, origin)
    return {
      origin,
      active: active.map(encodeVerifierKey),
      retired: retired.map(encodeVerifierKey),
    }
  } finally {
    await store.close()
  }
}

type NewKey = Pick<KeyRotation, 'publicKey' | 'path'>

/** The key was made in its token; opening it shows that it signs. */
async function tokenKey(purpose: RotatedPurpose, receiptKey: string): Promise<NewKey> {
  if (purpose !== 'receipt') {
    throw new StartError('ERR_CONFIGURATION', 'only the receipt key can be in a token')
  }
  const uri = parsePkcs11Uri(receiptKey)
  const signer = await openReceiptToken(uri)
  await signer.close()
  return { publicKey: signer.publicKey, path: uri.name }
}

/** The name has the key's id, which is known once there is a key. */
async function generateKey(
  paths: KeyPaths,
  purpose: RotatedPurpose,
  before: readonly StoredServiceKey[],
): Promise<NewKey> {
  // A directory without the log's present key is not the one to put the next one into.
  for (const { keyId } of before) await loadServiceSigner(paths, purpose, keyId)
  const temporary = join(paths.keys, `${purpose}-new-${process.pid}.pem`)
  const publicKey = await generateKeyFile(temporary, ROTATED_KEY_ALGORITHMS[purpose])
  const path = rotatedKeyPath(paths, purpose, keyThumbprint(publicKey))
  await rename(temporary, path)
  // The store must never name a key whose file a power cut can take back.
  if (process.platform !== 'win32') await syncDirectory(paths.keys)
  return { publicKey, path }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
