/** Rows of the log store's tables, and what they become; a damaged row becomes nothing. */
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { InvariantError } from '../../errors.ts'
import type {
  BatchHead,
  EntryCollateral,
  StoredCollateral,
  StoredEntry,
  StoredHead,
  StoredState,
} from '../../log/store.ts'
import type { KeyPurpose, StoredServiceKey } from '../../log/service-key-records.ts'
import type { RootHash } from '../../merkle/hasher.ts'
import { blob } from './database.ts'

export type HeadRow = Readonly<Record<'tree_size' | 'root_hash' | 'registration_time', unknown>>
export type SignedHeadRow = HeadRow & Readonly<Record<'bytes', unknown>>
export type LogRow = HeadRow &
  Readonly<Record<'origin' | 'issuer' | 'receipt_key_id' | 'policy_index', unknown>>
export type EntryRow = Readonly<Record<'leaf_index' | 'bytes', unknown>>
export type ServiceKeyRow = Readonly<
  Record<'key_id' | 'purpose' | 'cose_key' | 'added_at' | 'retired_at', unknown>
>

export type IndexRow = Readonly<Record<'leaf_index', unknown>>
export type CollateralRow = Readonly<Record<'first_entry' | 'bytes', unknown>>
export type EntryCollateralRow = Readonly<Record<'leaf_index' | 'kind' | 'digest', unknown>>

/** @throws InvariantError unless a stored value is a non-negative integer, as its column demands. */
function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new InvariantError('a stored value is not a non-negative integer')
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw new InvariantError('a stored value is not a text')
}

export function batchHead(row: HeadRow): BatchHead {
  return {
    treeHead: {
      treeSize: integer(row.tree_size) as TreeSize,
      rootHash: blob(row.root_hash) as RootHash,
    },
    registrationTime: integer(row.registration_time),
  }
}

export function signedHead(row: SignedHeadRow): SignedTreeHead {
  return { ...batchHead(row), bytes: blob(row.bytes) }
}

export function storedState(row: LogRow): StoredState {
  return {
    ...batchHead(row),
    origin: text(row.origin),
    issuer: text(row.issuer),
    receiptKeyId: blob(row.receipt_key_id),
    policyIndex: integer(row.policy_index) as LeafIndex,
  }
}

export function storedEntry(row: EntryRow): StoredEntry {
  return { leafIndex: integer(row.leaf_index) as LeafIndex, entry: blob(row.bytes) }
}

export function leafIndexOf(row: IndexRow): LeafIndex {
  return integer(row.leaf_index) as LeafIndex
}

export function storedCollateral(row: CollateralRow): StoredCollateral {
  return { bytes: blob(row.bytes), leafIndex: integer(row.first_entry) as LeafIndex }
}

export function entryCollateral(row: EntryCollateralRow): EntryCollateral {
  const kind = text(row.kind) as EntryCollateral['kind']
  return { leafIndex: integer(row.leaf_index) as LeafIndex, kind, digest: blob(row.digest) }
}

export function serviceKey(row: ServiceKeyRow): StoredServiceKey {
  return {
    keyId: blob(row.key_id),
    purpose: text(row.purpose) as KeyPurpose,
    coseKey: blob(row.cose_key),
    addedAt: integer(row.added_at),
    ...(row.retired_at === null ? {} : { retiredAt: integer(row.retired_at) }),
  }
}

/** `tree_size, root_hash, registration_time` in the order of the tables. */
export function headValues({ treeHead, registrationTime }: BatchHead): readonly unknown[] {
  return [treeHead.treeSize, treeHead.rootHash, registrationTime]
}

export function storedHeadValues(head: StoredHead): readonly unknown[] {
  return [...headValues(head), head.policyIndex]
}
