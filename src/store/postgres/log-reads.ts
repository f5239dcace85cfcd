/**
 * What is read of the log in a PostgreSQL database: out of what the last commit of this process read back,
 * where it has that, and what is known here of the ids that are nowhere; otherwise by a statement.
 */
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant } from '../../errors.ts'
import { JoinedLookups } from '../../log/joined-lookups.ts'
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
import { AbsentIds } from './absent-ids.ts'
import type { PostgresDatabase } from './database.ts'
import { inPlace } from './read-back.ts'
import type { ReadBack } from './read-back.ts'
import {
  batchHead,
  entryCollateral,
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
  LogRow,
  ServiceKeyRow,
  SignedHeadRow,
} from './rows.ts'
import { logMissing } from './start-errors.ts'
import { SQL } from './statements.ts'

export class LogReads {
  protected readonly reads: PostgresDatabase
  protected readonly absent: AbsentIds = new AbsentIds()
  protected readBack: ReadBack | undefined
  readonly #lookups = new JoinedLookups((ids) => this.#lookUp(ids))

  protected constructor(reads: PostgresDatabase) {
    this.reads = reads
  }

  async readState(): Promise<StoredState> {
    const [row] = await this.reads.query<LogRow>(SQL.readLog)
    if (row === undefined) throw logMissing(this.reads.name)
    const state = storedState(row)
    this.absent.saw(state.treeHead.treeSize)
    return state
  }

  async findLeafIndexes(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    const [only, ...more] = entryIds
    if (only === undefined) return []
    // A single one is asked for by somebody who wants to know what other nodes have stored by now.
    if (more.length === 0) return [await this.#lookups.find(only)]
    if (this.absent.hasAll(entryIds)) return entryIds.map(() => undefined)
    return this.#lookUp(entryIds)
  }

  #lookUp(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    return this.absent.lookUp(entryIds, (ids) => this.#findMany(ids))
  }

  async #findMany(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    const isWhole = entryIds.every(({ length }) => length === 32)
    assertInvariant(isWhole, 'an entry id is no SHA-256')
    const values = [Buffer.concat(entryIds), entryIds.length]
    const rows = await this.reads.query<FoundRow>(SQL.findLeafIndexes, values)
    const found = new Map(rows.map(({ n, leaf_index: at }) => [n, at]))
    return entryIds.map((_, at) => found.get(at + 1))
  }

  async readEntries(start: LeafIndex, count: number): Promise<StoredEntry[]> {
    const readBack = this.readBack?.entries(start, count)
    if (readBack !== undefined) return readBack
    const rows = await this.reads.query<EntryRow>(SQL.readEntries, [start, start + count])
    return rows.map(storedEntry)
  }

  async readTiles(tiles: readonly TileId[]): Promise<Uint8Array[]> {
    const readBack = this.readBack?.tiles(tiles)
    if (readBack !== undefined) return readBack
    const values = [tiles.map(({ level }) => level), tiles.map(({ index }) => index)]
    const rows = await this.reads.query<TileRow>(SQL.readTiles, values)
    return inPlace(tiles, new Map(rows.map(({ n, hashes }) => [n, hashes])))
  }

  async listGovernance(kind: GovernanceKind, from: number): Promise<LeafIndex[]> {
    const rows = await this.reads.query<IndexRow>(SQL.listGovernance, [kind, from])
    return rows.map(({ leaf_index: at }) => at)
  }

  async findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined> {
    const [row] = await this.reads.query<IndexRow>(SQL.lastGovernance, [kind])
    return row?.leaf_index
  }

  async findCollateral(digest: Uint8Array): Promise<StoredCollateral | undefined> {
    const [row] = await this.reads.query<CollateralRow>(SQL.findCollateral, [digest])
    return row && storedCollateral(row)
  }

  async listEntryCollateral(start: number, end: number): Promise<EntryCollateral[]> {
    const values = [start, end]
    const rows = await this.reads.query<EntryCollateralRow>(SQL.listEntryCollateral, values)
    return rows.map(entryCollateral)
  }

  async findBatchHead(treeSize: TreeSize): Promise<BatchHead | undefined> {
    const [row] = await this.reads.query<HeadRow>(SQL.findBatch, [treeSize])
    return row && batchHead(row)
  }

  async listBatchHeads(after: number, limit: number): Promise<BatchHead[]> {
    return (await this.reads.query<HeadRow>(SQL.listBatches, [after, limit])).map(batchHead)
  }

  async findSignedHead(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    const [row] = await this.reads.query<SignedHeadRow>(SQL.findSignedHead, [treeSize])
    return row && signedHead(row)
  }

  async findSignedHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    return (await this.listSignedHeads(leafIndex, 1))[0]
  }

  async listSignedHeads(after: number, limit: number): Promise<SignedTreeHead[]> {
    const rows = await this.reads.query<SignedHeadRow>(SQL.listSignedHeads, [after, limit])
    return rows.map(signedHead)
  }

  async listServiceKeys(): Promise<StoredServiceKey[]> {
    return (await this.reads.query<ServiceKeyRow>(SQL.listServiceKeys)).map(serviceKey)
  }
}

interface FoundRow {
  readonly n: number
  readonly leaf_index: LeafIndex
}

interface TileRow {
  readonly n: number
  readonly hashes: Uint8Array
}

interface IndexRow {
  readonly leaf_index: LeafIndex
}
