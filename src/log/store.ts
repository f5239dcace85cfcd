/**
 * The port of the log's database: small and semantic, not CRUD. Each adapter is written for its
 * database (design D8) and passes `test/contract/log-store.ts`. Entries are opaque bytes here; who
 * may register, and what a signature is, is decided elsewhere.
 */
import type { LeafIndex, TreeSize, UnixSeconds } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { TileWrite } from '../merkle/edge.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import type { CollateralKind } from '../policy/registration-journal.ts'
import type { StoredServiceKey, ServiceKeyChange } from './service-key-records.ts'

/** A committed tree head, whether it is signed already or not. */
export interface BatchHead {
  readonly treeHead: TreeHead
  /** The one registration time of the batch that made this head (design D5). */
  readonly registrationTime: UnixSeconds
}

/** The newest committed head, with what decisions for the next entry are made under. */
export interface StoredHead extends BatchHead {
  /** Index of the last statement that changed how others are decided (design D4). */
  readonly policyIndex: LeafIndex
  /**
   * Of a shared store only, where it is always there. A commit compares it and leaves it as it is;
   * whatever cuts other nodes off raises it (`fence`, a change of the service's keys).
   */
  readonly epoch?: number
}

/** What a log is, fixed when it is created. */
export interface LogIdentity {
  readonly origin: string
  readonly issuer: string
  /** RFC 9679 thumbprint of the receipt key. */
  readonly receiptKeyId: Uint8Array
}

/** What start-up begins with. */
export interface StoredState extends StoredHead, LogIdentity {}

/** A piece of what took part in an admission beside the statement (design D5). */
export interface NewCollateral {
  readonly kind: CollateralKind
  /** Full SHA-256 of `bytes`. */
  readonly digest: Uint8Array
  readonly bytes: Uint8Array
}

/** An entry to be stored; its index follows from its place in the batch. */
export interface NewEntry {
  /** Full SHA-256 of `entry`. */
  readonly entryId: Uint8Array
  readonly entry: Uint8Array
  /** What it does to the log; it is found again by this. */
  readonly kind?: GovernanceKind
  /** At most one piece of a kind. Stored in the same transaction; equal pieces are stored once. */
  readonly collateral?: readonly NewCollateral[]
}

/** Which piece of collateral an entry was admitted with. */
export interface EntryCollateral {
  readonly leafIndex: LeafIndex
  readonly kind: CollateralKind
  readonly digest: Uint8Array
}

export interface StoredCollateral {
  readonly bytes: Uint8Array
  /** The first entry that was admitted with it. */
  readonly leafIndex: LeafIndex
}

export interface StoredEntry {
  readonly leafIndex: LeafIndex
  readonly entry: Uint8Array
}

export interface TileId {
  readonly level: number
  readonly index: number
}

/** Everything that one batch changes. */
export interface BatchCommit {
  /** The head that must still be the stored one; otherwise nothing is stored. */
  readonly expected: StoredHead
  readonly next: StoredHead
  /** At the indexes from `expected.treeHead.treeSize` on. */
  readonly entries: readonly NewEntry[]
  /** New content of every touched tile, from the tile's start. */
  readonly tiles: readonly TileWrite[]
  /** Earlier heads that are signed and not saved yet. */
  readonly signedHeads: readonly SignedTreeHead[]
}

/** The first batch of a log, and what the log is. */
export interface Genesis {
  readonly identity: LogIdentity
  readonly batch: Omit<BatchCommit, 'expected' | 'signedHeads'>
  readonly serviceKeys: readonly StoredServiceKey[]
}

/** What a process of several is told: somebody committed, or asks to be the next. */
export type WakeUp =
  /** `isOwn`: by this very process, which knows it already. */
  | { readonly kind: 'committed'; readonly isOwn?: true }
  /** `losses`: how often it came second since its last batch. */
  | { readonly kind: 'turn-asked'; readonly losses: number }

export interface LogStore {
  /** Several processes commit to it, each from the head that it knows. */
  readonly shared?: true

  /**
   * Stores the first batch in one transaction.
   * @throws StartError `ERR_LOG_EXISTS` when the store holds a log.
   */
  create(genesis: Genesis): Promise<void>

  /** @throws StartError `ERR_LOG_MISSING` when the store holds no log. */
  readState(): Promise<StoredState>

  /**
   * Stores a batch, durably and in ONE transaction, if the stored head is still `expected`. A tile
   * is only ever extended: a write that changes stored hashes fails.
   * @throws UnavailableError `ERR_STORE_BUSY` when it is known that nothing was stored; of a shared
   *   store `ERR_HEAD_MOVED` when the stored head, or its epoch, is another one. Nothing was stored
   *   then either, unless it was an earlier try of this very batch: who repeats a commit looks first.
   *   `ERR_LOG_FROZEN` likewise when it is frozen and the batch is more than journals.
   * @throws InvariantError when the stored head of an unshared store is another one: somebody else
   *   writes.
   * @throws UnavailableError `ERR_STORE_UNREACHABLE` of a shared store whose outcome is unknown: the
   *   connection was lost, or the server ended, in the middle. Every method of a shared store throws
   *   it then, and works again once the server does; whoever gets it reads before it decides.
   * Any other error means that the outcome is unknown and that the process has to end.
   */
  commit(batch: BatchCommit): Promise<void>

  /** Saves a signed head; saving the same one again changes nothing. */
  saveSignedHead(head: SignedTreeHead): Promise<void>

  /** Looks entries up by full SHA-256. A failed read is an error, never "not found". */
  findLeafIndexes(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]>

  /** Stored entries from `start` on, at most `count`; fewer where the log ends. */
  readEntries(start: LeafIndex, count: number): Promise<StoredEntry[]>

  /** Indexes of the entries of a kind from `from` on, ascending. */
  listGovernance(kind: GovernanceKind, from: number): Promise<LeafIndex[]>
  findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined>

  findCollateral(digest: Uint8Array): Promise<StoredCollateral | undefined>
  /** What the entries [start, end) were admitted with, by index and kind. */
  listEntryCollateral(start: number, end: number): Promise<EntryCollateral[]>

  /**
   * Whole current content of tiles.
   * @throws InvariantError when one is not there.
   */
  readTiles(tiles: readonly TileId[]): Promise<Uint8Array[]>

  findBatchHead(treeSize: TreeSize): Promise<BatchHead | undefined>
  /** Batch heads with a size above `after`, ascending. */
  listBatchHeads(after: number, limit: number): Promise<BatchHead[]>

  findSignedHead(treeSize: TreeSize): Promise<SignedTreeHead | undefined>
  /** The first saved head whose tree holds `leafIndex`. */
  findSignedHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined>
  /** Saved heads with a size above `after`, ascending. */
  listSignedHeads(after: number, limit: number): Promise<SignedTreeHead[]>

  listServiceKeys(): Promise<StoredServiceKey[]>
  addServiceKey(key: StoredServiceKey): Promise<void>
  /**
   * Adds and retires keys in one transaction.
   * @throws InvariantError when a key to retire is not there, or is retired already.
   */
  changeServiceKeys(change: ServiceKeyChange): Promise<void>

  /**
   * Of a shared store: calls `listener` after commits, whosever they are, and when a process asked for
   * its turn. Only a wake-up: it may come late, twice or not at all. Returns what ends it.
   */
  watch?(listener: (told: WakeUp) => void): () => void

  /**
   * Of a shared store: asks the other processes to let this one commit next. Only a hint, as above;
   * it may tell this process, too.
   */
  askTurn?(losses: number): void

  /** Of a shared store: raises the epoch, so that no process commits from a state it read before. */
  fence?(): Promise<void>

  close(): Promise<void>
}
