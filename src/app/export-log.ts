/**
 * `attestry log export`: writes a log as files that any static web server can serve (design D10):
 * C2SP tiles, bundles and checkpoint, and with them heads, Receipts, statements, keys and collateral.
 * It streams one bundle at a time, may run beside a serving process, and goes on where it stopped.
 * Everything is checked against the released head on its way; the checkpoint is written last, so a
 * reader never sees one whose tiles are missing.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeHex } from '../bytes/hex.ts'
import { withAttachedRoot } from '../cose/signed-tree-head.ts'
import { AttestryError } from '../errors.ts'
import { nativeHasher } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { Guard } from '../log/guard.ts'
import { openSnapshot } from '../log/open-snapshot.ts'
import type { LogSnapshot } from '../log/open-snapshot.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import { encodeCheckpoint, parseCheckpoint, withSignatures } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import { encodeVerifierKey } from '../note/verifier-key.ts'
import { signOwnCheckpoint } from '../registry/checkpoint.ts'
import { activeKeysOf, encodeLogKeys } from '../registry/log-keys.ts'
import { ServiceKeys } from '../registry/service-keys.ts'
import { dataPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import { ExportDirectory } from './export-directory.ts'
import { exportPayloads } from './export-payloads.ts'
import type { ExportState } from './export-directory.ts'
import { TreeExporter } from './export-tree.ts'
import type { OnExported } from './export-tree.ts'
import { prunedIn } from './pruned-payloads.ts'
import { readSchemas } from './schemas.ts'
import { loadCheckpointKeys, readReceiptKeys } from './service-signers.ts'
import type { CheckpointKeys } from './service-signers.ts'
import { openGuard, openStoreReader } from './stores.ts'

export interface ExportLogRequest {
  readonly data: string
  readonly guard?: string | undefined
  readonly store?: string | undefined
  readonly out: string
  /** Leaves out what is one file an entry or a head: it can be derived from the rest. */
  readonly tilesOnly?: boolean
  readonly onProgress?: OnExported
}

/** What was written. */
export interface ExportReport {
  readonly origin: string
  readonly treeSize: number
  readonly rootHash: Uint8Array
  /** Entries that an earlier run had written. */
  readonly resumedAt: number
  readonly vkey: string
}

/**
 * Exports a log.
 * @throws StartError `ERR_LOG_MISSING`, `ERR_LOG_CORRUPT`, `ERR_KEY_FILE`, `ERR_KEY_MISMATCH`, or
 *   `ERR_CONFIGURATION` when the directory holds something else.
 */
export async function exportLog(request: ExportLogRequest): Promise<ExportReport> {
  const paths = dataPaths(request.data, request.guard, request.store)
  const store = await openStoreReader(paths)
  let guard: Guard | undefined
  try {
    guard = await openGuard(paths)
    const { origin } = await store.readState()
    const keys = await loadCheckpointKeys(store, paths, origin)
    const { directory, state } = await ExportDirectory.open(request.out, origin)
    const tilesOnly = request.tilesOnly ?? false
    // Another kind of export begins anew, and with a newer head.
    const resumed = state?.tilesOnly === tilesOnly ? state : undefined
    const snapshot = await openSnapshot({
      ...{ store, guard, hasher: nativeHasher, verifier: nodeVerifier },
      ...(resumed === undefined ? {} : { atTreeSize: resumed.treeSize }),
    })
    const { treeSize } = snapshot.head.treeHead
    const begun = resumed ?? { origin, treeSize, tilesOnly, nextBundle: 0, journalBytes: 0 }
    directory.saveState(begun)
    const isPruned = prunedIn(store)
    const exporter = new TreeExporter({ snapshot, directory, tilesOnly, isPruned })
    await exporter.writeBundles(begun, request.onProgress)
    await exporter.writeOpenTiles()
    await exportPayloads(paths, directory)
    const receiptKeys = new ServiceKeys(await readReceiptKeys(store))
    return await finish({ snapshot, directory, keys, receiptKeys, paths }, begun)
  } finally {
    await guard?.close()
    await store.close()
  }
}

interface FinishParts {
  readonly snapshot: LogSnapshot
  readonly directory: ExportDirectory
  readonly keys: CheckpointKeys
  readonly receiptKeys: ServiceKeys
  readonly paths: DataPaths
}

/** Writes what describes the whole, and the checkpoint at the very end. */
async function finish(parts: FinishParts, begun: ExportState): Promise<ExportReport> {
  const { snapshot, directory, keys, receiptKeys, paths } = parts
  const { identity, head } = snapshot
  const { origin, issuer } = identity
  const active = activeKeysOf(keys.signers)
  const logKeys = encodeLogKeys({ origin, url: issuer, active, retired: keys.retired })
  directory.write('.well-known/scitt-keys', receiptKeys.encodeKeySet())
  directory.write('log-key', logKeys.logKey)
  directory.write('log-keys', logKeys.list)
  directory.write('tlog-policy', logKeys.tlogPolicy)
  for (const [name, bytes] of await readSchemas()) directory.write(`schemas/${name}`, bytes)
  directory.write('heads/current', withAttachedRoot(head))
  const ports = { origin, checkpointSigners: keys.signers, verifier: nodeVerifier }
  const own = await signOwnCheckpoint(ports, head.treeHead)
  directory.write('checkpoint', encodeCheckpoint(await withWitnesses(own, paths)))
  const { treeSize, rootHash } = head.treeHead
  const verifierKeys = { active: active.map(encodeVerifierKey), retired: keys.retired.map(encodeVerifierKey) } // prettier-ignore
  await directory.finish({
    ...{ version: 1, origin, issuer, treeSize, rootHash: encodeHex(rootHash) },
    ...{ registrationTime: head.registrationTime, minimumIndex: 0, verifierKeys },
    entryFiles: !begun.tilesOnly,
  })
  const vkey = encodeVerifierKey(active[0]!)
  const resumedAt = Math.min(begun.nextBundle * TILE_WIDTH, treeSize)
  return { origin, treeSize, rootHash, resumedAt, vkey }
}

/** Adds the cosignatures of the last witnessed checkpoint, when it is of this head. */
async function withWitnesses(own: SignedCheckpoint, paths: DataPaths): Promise<SignedCheckpoint> {
  try {
    const bytes = await readFile(join(paths.directory, 'witnessed.checkpoint'))
    const witnessed = parseCheckpoint(new Uint8Array(bytes))
    if (witnessed.note.text !== own.note.text) return own
    // Our own lines are the fresh ones.
    return withSignatures(witnessed, own.note.signatures)
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (isMissing || error instanceof AttestryError) return own
    throw error
  }
}
