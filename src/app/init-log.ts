/**
 * `attestry init`: makes a registry's directory, its keys and its log (design D3, D4). With an
 * operator key that lives elsewhere it takes two steps: the first writes the documents to be signed,
 * the second takes the signed statements and makes the log. Nothing that exists is overwritten, and
 * an interrupted run can be repeated.
 */
import { encodeCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { Signer } from '../cose/signer.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { generateKeyFile, loadSigner } from '../keys/file-signer.ts'
import { nativeHasher } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { parsePkcs11Uri } from '../keys/pkcs11-uri.ts'
import type { Clock } from '../log/clock.ts'
import { createLog } from '../log/genesis.ts'
import type { Guard } from '../log/guard.ts'
import type { KeyPurpose } from '../log/service-key-records.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { systemClock } from './config.ts'
import { dataPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import { assertGuardPlace, assertNoLog, assertNotWaiting, exists, prepareDirectory } from './empty-place.ts' // prettier-ignore
import { anchorsOf, genesisDocuments, readGenesis, signGenesis, writeGenesis } from './genesis.ts'
import type { UnsignedDocument } from './genesis.ts'
import { parseOrigin } from './identity.ts'
import type { LogNames } from './identity.ts'
import { openReceiptToken } from './service-signers.ts'
import { LOCATION_FILE, recordLocation } from './store-location.ts'
import { assertApart, openGuard, openStoreWriter } from './stores.ts'

export interface InitLogOptions {
  readonly data: string
  /** URL of a PostgreSQL database; by default the log is in the data directory. */
  readonly store?: string | undefined
  readonly guard?: string | undefined
  readonly origin: string
  /** Who may register what at first. Empty admits nobody. */
  readonly anchors: readonly TrustAnchor[]
  /** Public half of an operator key that is not in the data directory. */
  readonly operatorKey?: PublicKey | undefined
  /** PKCS #11 URI of the receipt key, when it is in a token already. */
  readonly receiptKey?: string | undefined
  readonly clock?: Clock
}

/** A log that was made, or what is to be signed before it can be. */
export type InitLogResult =
  | {
      readonly kind: 'created'
      readonly paths: DataPaths
      readonly names: LogNames
      readonly head: SignedTreeHead
      readonly receiptKey: PublicKey
      readonly operatorKey: PublicKey
      /** As they were signed: what was signed elsewhere may have been edited before. */
      readonly anchors: readonly TrustAnchor[]
    }
  | {
      readonly kind: 'to-be-signed'
      readonly paths: DataPaths
      readonly names: LogNames
      readonly documents: readonly UnsignedDocument[]
    }

/** What an interrupted run, or the first of two steps, leaves in the directory. */
const OWN_NAMES: readonly string[] = ['keys', 'genesis', 'lock.sqlite', LOCATION_FILE]
/** Algorithms of the keys of D3: receipts verify wherever ES256 does, checkpoints are Ed25519. */
const KEY_ALGORITHMS = { receipt: 'ES256', checkpoint: 'EdDSA', registrar: 'ES256', operator: 'ES256' } as const // prettier-ignore

/**
 * Makes a log, or its documents.
 * @throws StartError `ERR_LOG_EXISTS`, `ERR_CONFIGURATION` or `ERR_KEY_FILE`.
 */
export async function initLog(options: InitLogOptions): Promise<InitLogResult> {
  const names = parseOrigin(options.origin)
  const paths = dataPaths(options.data, options.guard, options.store)
  const token = options.receiptKey === undefined ? undefined : parsePkcs11Uri(options.receiptKey)
  await assertNoLog(paths)
  await assertApart(paths)
  await prepareDirectory(paths, OWN_NAMES, 'name a new directory')
  await assertGuardPlace(paths)
  const genesis = await prepareGenesis(options, paths, names)
  if (genesis.kind === 'to-be-signed') return { ...genesis, paths, names }

  const receipt = await (token === undefined
    ? keyFile(paths.receiptKey, 'receipt')
    : openReceiptToken(token))
  await recordLocation(paths)
  const store = await openStoreWriter(paths, 'create')
  let guard: Guard | undefined
  try {
    guard = await openGuard(paths)
    const head = await createLog({
      ...names,
      store,
      guard,
      signer: receipt,
      clock: options.clock ?? systemClock,
      hasher: nativeHasher,
      verifier: nodeVerifier,
      entries: genesis.entries,
      serviceKeys: [
        serviceKey('checkpoint', await keyFile(paths.checkpointKey, 'checkpoint')),
        serviceKey('registrar', await keyFile(paths.registrarKey, 'registrar')),
        serviceKey('operator', { publicKey: genesis.operatorKey }),
      ],
    })
    const { operatorKey, entries } = genesis
    const anchors = anchorsOf(entries)
    const receiptKey = receipt.publicKey
    return { kind: 'created', paths, names, head, receiptKey, operatorKey, anchors }
  } finally {
    await store.close()
    await guard?.close()
  }
}

type Genesis =
  | {
      readonly kind: 'signed'
      readonly entries: readonly Uint8Array[]
      readonly operatorKey: PublicKey
    }
  | { readonly kind: 'to-be-signed'; readonly documents: readonly UnsignedDocument[] }

async function prepareGenesis(
  options: InitLogOptions,
  paths: DataPaths,
  { issuer }: LogNames,
): Promise<Genesis> {
  const { anchors, operatorKey } = options
  // The policy names it, so it has to be there before anything is signed.
  const registrar = (await keyFile(paths.registrarKey, 'registrar')).publicKey
  if (operatorKey === undefined) {
    await assertNotWaiting(paths.genesis)
    const signer = await keyFile(paths.operatorKey, 'operator')
    const documents = genesisDocuments(signer.publicKey, anchors, registrar)
    const issuedAt = (options.clock ?? systemClock).now()
    const entries = await signGenesis(documents, { issuer, signer, issuedAt })
    return { kind: 'signed', entries, operatorKey: signer.publicKey }
  }
  const documents = genesisDocuments(operatorKey, anchors, registrar)
  const expected = { operatorKey, issuer, verifier: nodeVerifier }
  const entries = await readGenesis(paths.genesis, documents, expected)
  if (entries !== undefined) return { kind: 'signed', entries, operatorKey }
  return { kind: 'to-be-signed', documents: await writeGenesis(paths.genesis, documents) }
}

function serviceKey(
  purpose: KeyPurpose,
  { publicKey }: Pick<Signer, 'publicKey'>,
): { keyId: Uint8Array; purpose: KeyPurpose; coseKey: Uint8Array } {
  return { keyId: keyThumbprint(publicKey), purpose, coseKey: encodeCoseKey(publicKey) }
}

/** The signer of a key file, which is made unless an interrupted run made it. */
async function keyFile(path: string, purpose: KeyPurpose): Promise<Signer> {
  const algorithm = KEY_ALGORITHMS[purpose]
  if (!(await exists(path))) await generateKeyFile(path, algorithm)
  return loadSigner(path, { algorithm })
}
