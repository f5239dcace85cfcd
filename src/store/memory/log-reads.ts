/** The tables of a log in memory, and what is read of them. */
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { InvariantError, StartError } from '../../errors.ts'
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

export class LogReads {
  protected state: StoredState | undefined
  protected readonly entries: Uint8Array[] = []
  protected readonly leafIndexes: Map<string, LeafIndex> = new Map<string, LeafIndex>()
  protected readonly tiles: Map<string, Uint8Array> = new Map<string, Uint8Array>()
  // Ascending by size.
  protected readonly batches: BatchHead[] = []
  protected readonly signedHeads: SignedTreeHead[] = []
  protected readonly serviceKeys: StoredServiceKey[] = []
  protected readonly governance: {
    readonly kind: GovernanceKind
    readonly leafIndex: LeafIndex
  }[] = []
  protected readonly collateral: Map<string, StoredCollateral> = new Map<string, StoredCollateral>()
  protected readonly entryCollateral: EntryCollateral[] = []

  async readState(): Promise<StoredState> {
    return this.stored()
  }

  async findLeafIndexes(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    return entryIds.map((entryId) => this.leafIndexes.get(entryId.join()))
  }

  async readEntries(start: LeafIndex, count: number): Promise<StoredEntry[]> {
    return this.entries
      .slice(start, start + count)
      .map((entry, at) => ({ leafIndex: (start + at) as LeafIndex, entry: entry.slice() }))
  }

  async readTiles(tiles: readonly TileId[]): Promise<Uint8Array[]> {
    return tiles.map(({ level, index }) => {
      const hashes = this.tiles.get(`${level}/${index}`)
      if (hashes === undefined) {
        throw new InvariantError(`tile ${index} of level ${level} is not stored`)
      }
      return hashes.slice()
    })
  }

  async listGovernance(kind: GovernanceKind, from: number): Promise<LeafIndex[]> {
    return this.governance
      .filter((row) => row.kind === kind && row.leafIndex >= from)
      .map(({ leafIndex }) => leafIndex)
  }

  async findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined> {
    return this.governance.findLast((row) => row.kind === kind)?.leafIndex
  }

  async findCollateral(digest: Uint8Array): Promise<StoredCollateral | undefined> {
    const found = this.collateral.get(digest.join())
    return found && { ...found, bytes: found.bytes.slice() }
  }

  async listEntryCollateral(start: number, end: number): Promise<EntryCollateral[]> {
    return this.entryCollateral.filter(({ leafIndex }) => start <= leafIndex && leafIndex < end)
  }

  async findBatchHead(treeSize: TreeSize): Promise<BatchHead | undefined> {
    return this.batches.find(({ treeHead }) => treeHead.treeSize === treeSize)
  }

  async listBatchHeads(after: number, limit: number): Promise<BatchHead[]> {
    return this.batches.filter(({ treeHead }) => treeHead.treeSize > after).slice(0, limit)
  }

  async findSignedHead(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    return this.signedHeads.find(({ treeHead }) => treeHead.treeSize === treeSize)
  }

  async findSignedHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    return this.signedHeads.find(({ treeHead }) => treeHead.treeSize > leafIndex)
  }

  async listSignedHeads(after: number, limit: number): Promise<SignedTreeHead[]> {
    return this.signedHeads.filter(({ treeHead }) => treeHead.treeSize > after).slice(0, limit)
  }

  async listServiceKeys(): Promise<StoredServiceKey[]> {
    return [...this.serviceKeys]
  }

  /** @throws StartError `ERR_LOG_MISSING`. */
  protected stored(): StoredState {
    if (this.state === undefined) throw new StartError('ERR_LOG_MISSING', 'the store is empty')
    return this.state
  }
}
