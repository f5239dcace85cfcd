/**
 * What is read of the log in a SQLite file to be verified or served: through a connection for reading, from
 * the file and not from a writer's cache.
 */
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { InvariantError } from '../../errors.ts'
import type {
  BatchHead,
  EntryCollateral,
  StoredCollateral,
  StoredEntry,
  StoredState,
  TileId,
} from '../../log/store.ts'
import type { StoredServiceKey } from '../../log/service-key-records.ts'
import type { GovernanceKind } from '../../payload/media-types.ts'
import { blob, readStored } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import {
  batchHead,
  entryCollateral,
  leafIndexOf,
  serviceKey,
  signedHead,
  storedCollateral,
  storedEntry,
  storedState,
} from './rows.ts'
import type {
  CollateralRow,
  EntryCollateralRow,
  EntryRow,
  HeadRow,
  IndexRow,
  LogRow,
  ServiceKeyRow,
  SignedHeadRow,
} from './rows.ts'
import { logMissing } from './start-errors.ts'
import type { ReadStatements } from './statements.ts'
import { tileKey } from './tile-key.ts'

export class LogReads {
  protected readonly reader: SqliteDatabase
  protected readonly reads: ReadStatements

  protected constructor(reader: SqliteDatabase, reads: ReadStatements) {
    this.reader = reader
    this.reads = reads
  }

  async readState(): Promise<StoredState> {
    const row = readStored(() => this.reads.readLog.get() as LogRow | undefined)
    if (row === undefined) throw logMissing(this.reader.name)
    return storedState(row)
  }

  async readEntries(start: LeafIndex, count: number): Promise<StoredEntry[]> {
    const rows = readStored(() => this.reads.readEntries.all(start, start + count))
    return (rows as EntryRow[]).map(storedEntry)
  }

  async readTiles(tiles: readonly TileId[]): Promise<Uint8Array[]> {
    return readStored(() =>
      tiles.map(({ level, index }) => {
        const row = this.reads.readTile.get(tileKey({ level, index })) as
          { hashes: unknown } | undefined
        if (row !== undefined) return blob(row.hashes)
        throw new InvariantError(`tile ${index} of level ${level} is not stored`)
      }),
    )
  }

  async listGovernance(kind: GovernanceKind, from: number): Promise<LeafIndex[]> {
    const rows = readStored(() => this.reads.listGovernance.all(kind, from))
    return (rows as IndexRow[]).map(leafIndexOf)
  }

  async findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined> {
    const row = readStored(() => this.reads.lastGovernance.get(kind) as IndexRow | undefined)
    return row && leafIndexOf(row)
  }

  async findCollateral(digest: Uint8Array): Promise<StoredCollateral | undefined> {
    const row = readStored(() => this.reads.findCollateral.get(digest) as CollateralRow | undefined)
    return row && storedCollateral(row)
  }

  async listEntryCollateral(start: number, end: number): Promise<EntryCollateral[]> {
    const rows = readStored(() => this.reads.listEntryCollateral.all(start, end))
    return (rows as EntryCollateralRow[]).map(entryCollateral)
  }

  async findBatchHead(treeSize: TreeSize): Promise<BatchHead | undefined> {
    const row = readStored(() => this.reads.findBatch.get(treeSize) as HeadRow | undefined)
    return row && batchHead(row)
  }

  async listBatchHeads(after: number, limit: number): Promise<BatchHead[]> {
    const rows = readStored(() => this.reads.listBatches.all(after, limit))
    return (rows as HeadRow[]).map(batchHead)
  }

  async findSignedHead(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    const row = readStored(() => this.reads.findSignedHead.get(treeSize))
    return row === undefined ? undefined : signedHead(row as SignedHeadRow)
  }

  async findSignedHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    return (await this.listSignedHeads(leafIndex, 1))[0]
  }

  async listSignedHeads(after: number, limit: number): Promise<SignedTreeHead[]> {
    const rows = readStored(() => this.reads.listSignedHeads.all(after, limit))
    return (rows as SignedHeadRow[]).map(signedHead)
  }

  async listServiceKeys(): Promise<StoredServiceKey[]> {
    const rows = readStored(() => this.reads.listServiceKeys.all())
    return (rows as ServiceKeyRow[]).map(serviceKey)
  }
}
