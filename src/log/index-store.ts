/**
 * The port of the index (design D9): tables that answer look-ups, made from the log and nothing else,
 * dropped and rebuilt at will. One adapter writes them (the follower, in a thread of its own), any
 * number read. Each answer names the tree size that it covers.
 */
import type { LeafIndex, TreeSize, UnixSeconds } from '../bytes/integers.ts'
import type {
  AttributeName,
  DigestRole,
  Finding,
  NumberName,
  StatementKind,
} from '../payload/description.ts'
import type { EntryFacts } from '../payload/entry-facts.ts'

/** One entry as the index keeps it: what it says, and its position. */
export interface IndexRecord extends EntryFacts {
  readonly leafIndex: LeafIndex
  readonly registrationTime: UnixSeconds
}

/** A record as lists show it: without its facts, which the entry itself has. */
export interface IndexedStatement extends Omit<IndexRecord, 'description'> {
  readonly kind: StatementKind
  readonly type: string
  /** Codes of the findings. */
  readonly findings: readonly string[]
}

/** A record as lists show it. */
export function summarize({ description, ...rest }: IndexRecord): IndexedStatement {
  const { kind, type, findings } = description
  return { ...rest, kind, type, findings: findingCodes(findings) }
}

/** Each code once, in order. */
export function findingCodes(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ code }) => code))].sort()
}

/** A security version of a TEE: its name, and lower-case hex of as many bytes as it has. */
export interface SvnLimit {
  readonly name: string
  readonly value: string
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
  /** A `measurement` without a name before it is that value, whatever it is called. */
  readonly attributes?: readonly { readonly name: AttributeName; readonly value: string }[]
  readonly numbers?: readonly {
    readonly name: NumberName
    readonly atLeast?: number
    readonly atMost?: number
  }[]
  /** Security versions below these (`isSvnBelow`): a statement passes with any of its values. */
  readonly svnsBelow?: readonly SvnLimit[]
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
  /** Why it does not grow at present; the follower tries again by itself. */
  readonly failure?: string
}

/** What one call of `query` found, from one snapshot. */
export interface QueryAnswer {
  /** Everything below this was looked at, or will be by going on. */
  readonly treeSize: TreeSize
  readonly statements: readonly IndexedStatement[]
  /**
   * Where to go on: as `indexFrom` when ascending, as `indexBelow` when descending. Absent once
   * everything was looked at. Present after an empty list too: filters that many statements pass
   * one by one and few together are worked off in steps of bounded work.
   */
  readonly next?: number
}

/** What `findRecords` found, from one snapshot. */
export interface FoundRecords {
  readonly treeSize: TreeSize
  readonly records: readonly IndexRecord[]
}

/** Read side. The work of one call is bounded, whatever is asked and however large the log is. */
export interface IndexReader {
  readState(): Promise<IndexState>
  /** Statements that pass all filters, at most `limit`, in order of their indexes. */
  query(query: IndexQuery): Promise<QueryAnswer>
  /**
   * Whole records of these entries as the tables hold them, in ascending order and each once; what is
   * not indexed is left out. The caller bounds the list.
   */
  findRecords(leafIndexes: readonly LeafIndex[]): Promise<FoundRecords>
  /**
   * Calls `listener` after every transaction that indexed more, with the size that queries then see;
   * nobody has to poll. Calls may be joined (one for the last of several transactions), never lost.
   * A listener must not throw. Returns how to stop it.
   */
  follow(listener: (treeSize: TreeSize) => void): () => void
  /**
   * Entries that are hash envelopes of this digest, e.g. `sha256:…`, whether the preimage was read
   * or not: at most {@link ENVELOPES_MAX} from `from` on, ascending.
   */
  findEnvelopes(digest: string, from?: number): Promise<readonly LeafIndex[]>
  close(): Promise<void>
}

/** Entries that one call of `findEnvelopes` names. */
export const ENVELOPES_MAX = 1000

/** Write side; one process, one thread. */
export interface IndexWriter extends Pick<IndexReader, 'readState' | 'findEnvelopes'> {
  /**
   * Digests of hash envelopes whose preimage was absent, each once and at most `limit`, in the
   * adapter's order; those that follow `after`, which an earlier call named.
   */
  listAbsentPreimages(limit: number, after?: string): Promise<readonly string[]>
  /**
   * Adds the records that follow the indexed ones, in one transaction.
   * @throws InvariantError unless they continue at `treeSize` without a gap.
   */
  append(records: readonly IndexRecord[]): Promise<void>
  /** Replaces what is kept of entries that are indexed already, when a preimage came later. */
  replace(records: readonly IndexRecord[]): Promise<void>
  close(): Promise<void>
}
