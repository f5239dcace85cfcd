/**
 * The port of the index (design D9): tables that answer look-ups, made from the log and nothing else,
 * dropped and rebuilt at will. One adapter writes them (the follower, in a thread of its own), any
 * number read. Each answer names the tree size that it covers.
 */
import type { LeafIndex, TreeSize, UnixSeconds } from '../bytes/integers.ts'
import type {
  AttributeName,
  Description,
  DigestRole,
  NumberName,
  StatementKind,
} from '../payload/description.ts'

/** One entry as the index keeps it. */
export interface IndexRecord {
  readonly leafIndex: LeafIndex
  /** Full SHA-256 of the entry. */
  readonly entryId: Uint8Array
  readonly registrationTime: UnixSeconds
  /** Claims of the statement's protected header; absent where it has none. */
  readonly issuer?: string
  readonly subject?: string
  /** Key id of the protected header, hex; for a certificate chain the hex SHA-256 of its leaf. */
  readonly signer?: string
  /** Label 3, or the preimage's type of a hash envelope. */
  readonly contentType?: string
  /** Digest of a hash envelope, and whether its preimage was read into the description. */
  readonly envelope?: { readonly digest: string; readonly preimage: 'read' | 'absent' }
  readonly description: Description
}

/** A record as lists show it: without its facts, which the entry itself has. */
export interface IndexedStatement extends Omit<IndexRecord, 'description'> {
  readonly kind: StatementKind
  readonly type: string
  /** Codes of the findings. */
  readonly findings: readonly string[]
}

/** Filters of a query; all that are given have to hold. */
export interface IndexQuery {
  readonly digest?: { readonly algorithm: string; readonly value: string }
  /** Roles that the digest may have; any when absent. */
  readonly roles?: readonly DigestRole[]
  readonly issuer?: string
  readonly subject?: string
  readonly signer?: string
  readonly kind?: StatementKind
  readonly type?: string
  readonly attributes?: readonly { readonly name: AttributeName; readonly value: string }[]
  readonly numbers?: readonly {
    readonly name: NumberName
    readonly atLeast?: number
    readonly atMost?: number
  }[]
  readonly registeredFrom?: UnixSeconds
  /** Inclusive. */
  readonly registeredTo?: UnixSeconds
  readonly indexFrom?: number
  /** Exclusive. */
  readonly indexBelow?: number
  readonly order: 'ascending' | 'descending'
  readonly limit: number
}

/** Where the index stands. */
export interface IndexState {
  /** Every entry below this is indexed. */
  readonly treeSize: TreeSize
}

/** Read side. All synchronous work is bounded by `limit`. */
export interface IndexReader {
  readState(): Promise<IndexState>
  /** Statements that pass all filters, and the size that they were found at, from one snapshot. */
  query(query: IndexQuery): Promise<{
    readonly treeSize: TreeSize
    readonly statements: readonly IndexedStatement[]
  }>
  /** Whole records [start, start + count) as the tables hold them, for `attestry audit`. */
  readRecords(
    start: LeafIndex,
    count: number,
  ): Promise<{ readonly treeSize: TreeSize; readonly records: readonly IndexRecord[] }>
  /** Entries that are hash envelopes of this digest, e.g. `sha256:…`, whether the preimage was read or not. */
  findEnvelopes(digest: string): Promise<readonly LeafIndex[]>
  close(): Promise<void>
}

/** Write side; one process, one thread. */
export interface IndexWriter {
  readState(): Promise<IndexState>
  /**
   * Adds the records that follow the indexed ones, in one transaction.
   * @throws InvariantError unless they continue at `treeSize` without a gap.
   */
  append(records: readonly IndexRecord[]): Promise<void>
  /** Replaces what is kept of one entry that is indexed already, when its preimage came later. */
  replace(record: IndexRecord): Promise<void>
  close(): Promise<void>
}
