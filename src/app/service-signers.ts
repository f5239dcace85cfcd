/**
 * The private keys that sign for a log now: the store says which, the key directory has them. A key
 * that came by rotation lies beside the first one under a name with its key id, so that the store
 * alone decides from when on it counts, in one transaction, and no crash leaves the two at odds.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { encodeHex } from '../bytes/hex.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { algorithmByName } from '../cose/algorithms.ts'
import type { Signer } from '../cose/signer.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { parseCoseKey } from '../cose/public-key.ts'
import { StartError } from '../errors.ts'
import { loadSigner } from '../keys/file-signer.ts'
import { openPkcs11Signer } from '../keys/pkcs11-signer.ts'
import type { Pkcs11Signer } from '../keys/pkcs11-signer.ts'
import type { Pkcs11Uri } from '../keys/pkcs11-uri.ts'
import { readActiveKeys } from '../log/rotate-key.ts'
import type { RotatedPurpose } from '../log/rotate-key.ts'
import type { LogStore } from '../log/store.ts'
import type { StoredServiceKey } from '../log/service-key-records.ts'
import { createVerifierKey } from '../note/verifier-key.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import type { NoteSigner } from '../note/note-signer.ts'
import type { ServiceKey } from '../registry/ports.ts'
import type { DataPaths } from './data-directory.ts'
import { noteSignerOf } from './note-signer.ts'

/** Where key files are. */
export type KeyPaths = Pick<DataPaths, 'keys' | 'receiptKey' | 'checkpointKey'>

/** Algorithms of the keys of D3: receipts verify wherever ES256 does, checkpoints are Ed25519. */
export const ROTATED_KEY_ALGORITHMS = { receipt: 'ES256', checkpoint: 'EdDSA' } as const

/** Where a key lies that a rotation made. */
export function rotatedKeyPath(
  { keys }: KeyPaths,
  purpose: RotatedPurpose,
  keyId: Uint8Array,
): string {
  return join(keys, `${purpose}-${encodeHex(keyId.subarray(0, 8))}.pem`)
}

/**
 * The signer of a key that the store names.
 * @throws StartError `ERR_KEY_MISMATCH` when the key directory has other keys of this purpose only,
 *   `ERR_KEY_FILE` when it has none that can be used.
 */
export async function loadServiceSigner(
  paths: KeyPaths,
  purpose: RotatedPurpose,
  keyId: Uint8Array,
): Promise<Signer> {
  const first = purpose === 'receipt' ? paths.receiptKey : paths.checkpointKey
  const rotated = rotatedKeyPath(paths, purpose, keyId)
  const path = existsSync(rotated) ? rotated : first
  // By its usual algorithm, which is the log's for the log's own key: a key of another kind is another key.
  const signer = await loadSigner(path)
  if (equalBytes(keyThumbprint(signer.publicKey), keyId)) return signer
  throw mismatch(`the ${purpose} key ${path}`, signer, keyId, "put the log's own key file back")
}

/**
 * The receipt key that the store names: in a token when `uri` is given, else in the key directory.
 * A session of a token lasts as long as the process.
 * @throws StartError as {@link loadServiceSigner}.
 */
export async function loadReceiptSigner(
  paths: KeyPaths,
  keyId: Uint8Array,
  uri: Pkcs11Uri | undefined,
): Promise<Signer> {
  if (uri === undefined) return loadServiceSigner(paths, 'receipt', keyId)
  const signer = await openReceiptToken(uri)
  if (equalBytes(keyThumbprint(signer.publicKey), keyId)) return signer
  await signer.close()
  throw mismatch(`the key ${uri.name}`, signer, keyId, "name the log's own key in --receipt-key")
}

/**
 * A key in a token that may sign Receipts.
 * @throws StartError `ERR_KEY_FILE` when it cannot be used.
 */
export async function openReceiptToken(uri: Pkcs11Uri): Promise<Pkcs11Signer> {
  const signer = await openPkcs11Signer(uri)
  const { id, name } = algorithmByName(ROTATED_KEY_ALGORITHMS.receipt)
  if (signer.algorithm === id) return signer
  await signer.close()
  throw new StartError('ERR_KEY_FILE', `the key ${uri.name} is no ${name} key: Receipts need one`)
}

function mismatch(what: string, found: Signer, keyId: Uint8Array, advice: string): StartError {
  return new StartError(
    'ERR_KEY_MISMATCH',
    `${what} has the thumbprint ${encodeHex(keyThumbprint(found.publicKey))}, this log signs ` +
      `with ${encodeHex(keyId)}: ${advice}`,
  )
}

/** Every receipt key of a log, as it is published; clients bind the algorithm to the key. */
export async function readReceiptKeys(
  store: Pick<LogStore, 'listServiceKeys'>,
): Promise<readonly ServiceKey[]> {
  const { id: algorithm } = algorithmByName(ROTATED_KEY_ALGORITHMS.receipt)
  const keys = await store.listServiceKeys()
  return keys
    .filter(({ purpose }) => purpose === 'receipt')
    .map(({ coseKey, keyId, retiredAt }) => ({
      key: { algorithm, ...parseCoseKey(coseKey), kid: keyId },
      retired: retiredAt !== undefined,
    }))
}

/** What signs checkpoints, and what did before. */
export interface CheckpointKeys {
  /** Newest first. */
  readonly signers: readonly NoteSigner[]
  readonly retired: readonly VerifierKey[]
}

/**
 * The checkpoint keys of a log under its origin.
 * @throws StartError as {@link loadServiceSigner}.
 */
export async function loadCheckpointKeys(
  store: Pick<LogStore, 'listServiceKeys'>,
  paths: KeyPaths,
  origin: string,
): Promise<CheckpointKeys> {
  const active = await readActiveKeys(store, 'checkpoint')
  if (active.length === 0) {
    throw new StartError('ERR_LOG_CORRUPT', 'the stored log has no checkpoint key')
  }
  const signers: NoteSigner[] = []
  for (const { keyId } of active) {
    const signer = await loadServiceSigner(paths, 'checkpoint', keyId)
    signers.push(noteSignerOf(signer, origin, paths.checkpointKey))
  }
  const { retired } = await readCheckpointKeys(store, origin)
  return { signers, retired }
}

/** The public checkpoint keys of a log; needs no private key. */
export async function readCheckpointKeys(
  store: Pick<LogStore, 'listServiceKeys'>,
  origin: string,
): Promise<{ readonly active: readonly VerifierKey[]; readonly retired: readonly VerifierKey[] }> {
  const active = await readActiveKeys(store, 'checkpoint')
  const all = await store.listServiceKeys()
  const retired = all.filter(
    ({ purpose, retiredAt }) => purpose === 'checkpoint' && retiredAt !== undefined,
  )
  const keyOf = (key: StoredServiceKey): VerifierKey => verifierKey(key, origin)
  return { active: active.map(keyOf), retired: retired.map(keyOf) }
}

function verifierKey({ coseKey }: StoredServiceKey, name: string): VerifierKey {
  const key = parseCoseKey(coseKey)
  if (key.kind === 'ed25519') {
    return createVerifierKey({ kind: 'ed25519', name, publicKey: key.x })
  }
  throw new StartError('ERR_LOG_CORRUPT', 'a stored checkpoint key is no Ed25519 key')
}
