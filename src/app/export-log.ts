/**
 * `attestry log export`: writes a log as files that any static web server can serve (design D10):
 * C2SP tiles, bundles and checkpoint, and with them heads, Receipts, statements, keys and collateral.
 * It streams one bundle at a time, may run beside a serving process, and goes on where it stopped.
 * Everything is checked against the released head on its way; the checkpoint is written last, so a
 * reader never sees one whose tiles are missing.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { leafIndex } from '../bytes/integers.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { encodeHeadBundle } from '../cose/head-bundle.ts'
import { encodeInclusionReceipt } from '../cose/encode-receipt.ts'
import { withAttachedRoot } from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant, AttestryError } from '../errors.ts'
import { nativeHasher } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { IsPruned } from '../log/check-stored.ts'
import type { Guard } from '../log/guard.ts'
import { openSnapshot } from '../log/open-snapshot.ts'
import type { LogSnapshot } from '../log/open-snapshot.ts'
import { openTiles, TILE_WIDTH } from '../merkle/tiles.ts'
import { encodeCheckpoint, parseCheckpoint, withSignatures } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import { encodeEntryBundle } from '../note/entry-bundle.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import { encodeVerifierKey } from '../note/verifier-key.ts'
import { REGISTRATION_JOURNAL_MEDIA_TYPE } from '../payload/media-types.ts'
import { parseRegistrationJournal } from '../policy/registration-journal.ts'
import { signOwnCheckpoint } from '../registry/checkpoint.ts'
import { activeKeysOf, encodeLogKeys } from '../registry/log-keys.ts'
import { ServiceKeys } from '../registry/service-keys.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { attachReceipts } from '../statement/transparent-statement.ts'
import { dataPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import { ExportDirectory } from './export-directory.ts'
import { exportPayloads } from './export-payloads.ts'
import type { ExportState, JournalIndex } from './export-directory.ts'
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
  readonly onProgress?: (progress: { readonly entries: number; readonly treeSize: number }) => void
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
    const exporter = new Exporter({ snapshot, directory, tilesOnly, isPruned })
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

interface ExporterParts {
  readonly snapshot: LogSnapshot
  readonly directory: ExportDirectory
  readonly tilesOnly: boolean
  readonly isPruned: IsPruned
}

/** Writes what belongs to entries, tiles and heads. */
class Exporter {
  readonly #parts: ExporterParts
  readonly #treeSize: number
  /** The first head that has the entry which was written last. */
  #covering: SignedTreeHead | undefined

  constructor(parts: ExporterParts) {
    this.#parts = parts
    this.#treeSize = parts.snapshot.head.treeHead.treeSize
  }

  async writeBundles(
    begun: ExportState,
    onProgress: ExportLogRequest['onProgress'],
  ): Promise<void> {
    const { directory } = this.#parts
    const journal = await directory.openJournal(begun)
    try {
      for (let index = begun.nextBundle; index * TILE_WIDTH < this.#treeSize; index++) {
        const journalBytes = await this.#writeBundle(index, journal)
        directory.saveState({ ...begun, nextBundle: index + 1, journalBytes })
        const entries = Math.min((index + 1) * TILE_WIDTH, this.#treeSize)
        onProgress?.({ entries, treeSize: this.#treeSize })
      }
    } finally {
      await journal.close()
    }
  }

  /** The tiles at the right edge, above the lowest level. */
  async writeOpenTiles(): Promise<void> {
    for (const { level, index, width } of openTiles(this.#treeSize)) {
      if (level > 0 && width > 0) await this.#writeTile(level, index, width)
    }
  }

  async #writeBundle(index: number, journal: JournalIndex): Promise<number> {
    const { snapshot, directory, tilesOnly } = this.#parts
    const first = index * TILE_WIDTH
    const width = Math.min(TILE_WIDTH, this.#treeSize - first)
    const entries = await snapshot.tree.readBundle({ index, width })
    const bundlePath = encodeTilePath({ kind: 'entries', index, width })
    directory.writeOnce(bundlePath, encodeEntryBundle(entries))
    await this.#writeTile(0, index, width)
    // A tile above is full with the last one below it.
    for (let level = 1, below = index; width === TILE_WIDTH && below % 256 === 255; level++) {
      below = (below - 255) / 256
      await this.#writeTile(level, below, TILE_WIDTH)
    }
    await this.#writeHeads(bundlePath.replace('tile/entries/', 'heads/bundle/'), first, width)
    await this.#writeCollateral(first, width)
    if (!tilesOnly) {
      // One after the other: together, each would read and hash the same tiles.
      for (const [at, entry] of entries.entries()) await this.#writeEntry(first + at, entry)
    }
    return journal.append(entries.flatMap((entry, at) => journalLine(first + at, entry)))
  }

  async #writeTile(level: number, index: number, width: number): Promise<void> {
    const { snapshot, directory } = this.#parts
    const path = encodeTilePath({ kind: 'hashes', level, index, width })
    directory.writeOnce(path, await snapshot.tree.readTile({ level, index, width }))
  }

  async #writeHeads(path: string, after: number, width: number): Promise<void> {
    const { snapshot, directory, tilesOnly } = this.#parts
    const heads = await snapshot.tree.signedHeads(after, after + width)
    const attached = heads.map(withAttachedRoot)
    directory.writeOnce(path, encodeHeadBundle(attached))
    if (tilesOnly) return
    for (const [at, { treeHead }] of heads.entries()) {
      directory.writeOnce(`heads/${treeHead.treeSize}`, attached[at]!)
    }
  }

  async #writeEntry(index: number, entry: Uint8Array): Promise<void> {
    const { snapshot, directory } = this.#parts
    const leaf = leafIndex(index)
    const prefix = `entries/${encodeHex(sha256(entry))}`
    directory.write(`${prefix}/receipt`, await this.#makeReceipt(leaf, snapshot.head))
    // One by a later head would say a time at which the issuer's certificate may have run out.
    const first = await this.#makeReceipt(leaf, await this.#findFirstHead(leaf))
    directory.write(`${prefix}/statement`, attachReceipts(entry, [first]))
  }

  async #makeReceipt(leaf: LeafIndex, head: SignedTreeHead): Promise<Uint8Array> {
    return encodeInclusionReceipt(head, await this.#parts.snapshot.tree.inclusionProof(leaf, head))
  }

  async #findFirstHead(leaf: LeafIndex): Promise<SignedTreeHead> {
    if (this.#covering === undefined || this.#covering.treeHead.treeSize <= leaf) {
      this.#covering = await this.#parts.snapshot.tree.firstHeadCovering(leaf)
    }
    assertInvariant(this.#covering !== undefined, `no head covers entry ${leaf}`)
    return this.#covering
  }

  /** Each piece once a bundle, however many entries share it. */
  async #writeCollateral(first: number, width: number): Promise<void> {
    const { snapshot, directory, isPruned } = this.#parts
    const pieces = await snapshot.tree.entryCollateral(first, first + width)
    const digests = new Map(pieces.map(({ digest }) => [encodeHex(digest), digest]))
    for (const [name, digest] of digests) {
      if (await isPruned(digest)) continue
      const bytes = await snapshot.tree.readCollateral(digest)
      directory.writeOnce(`collateral/sha256:${name}`, bytes)
    }
  }
}

function journalLine(index: number, entry: Uint8Array): Readonly<Record<string, unknown>>[] {
  const { headers, message, entryId } = parseSignedStatement(entry)
  if (headers.contentType !== REGISTRATION_JOURNAL_MEDIA_TYPE || message.payload === null) return []
  const { from, to } = parseRegistrationJournal(message.payload)
  return [{ leafIndex: index, entryId, from, to }]
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
