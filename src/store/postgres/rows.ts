/** Rows of the tables, as `column-types.ts` reads them, and what they become. */
import type { LeafIndex, TreeSize, UnixSeconds } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
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

export interface HeadRow {
  readonly tree_size: TreeSize
  readonly root_hash: RootHash
  readonly registration_time: UnixSeconds
}

export interface SignedHeadRow extends HeadRow {
  readonly bytes: Uint8Array
}

export interface LogRow extends HeadRow {
  readonly origin: string
  readonly issuer: string
  readonly receipt_key_id: Uint8Array
  readonly policy_index: LeafIndex
  readonly epoch: number
}

export interface EntryRow {
  readonly leaf_index: LeafIndex
  readonly bytes: Uint8Array
}

export interface CollateralRow {
  readonly first_entry: LeafIndex
  readonly bytes: Uint8Array
}

export interface EntryCollateralRow {
  readonly leaf_index: LeafIndex
  readonly kind: EntryCollateral['kind']
  readonly digest: Uint8Array
}

export interface ServiceKeyRow {
  readonly key_id: Uint8Array
  readonly purpose: KeyPurpose
  readonly cose_key: Uint8Array
  readonly added_at: UnixSeconds
  readonly retired_at: UnixSeconds | null
}

export function batchHead(row: HeadRow): BatchHead {
  return {
    treeHead: { treeSize: row.tree_size, rootHash: row.root_hash },
    registrationTime: row.registration_time,
  }
}

export function signedHead(row: SignedHeadRow): SignedTreeHead {
  return { ...batchHead(row), bytes: row.bytes }
}

export function storedState(row: LogRow): StoredState {
  return {
    ...batchHead(row),
    ...{ origin: row.origin, issuer: row.issuer, receiptKeyId: row.receipt_key_id },
    ...{ policyIndex: row.policy_index, epoch: row.epoch },
  }
}

export function storedEntry({ leaf_index: leafIndex, bytes: entry }: EntryRow): StoredEntry {
  return { leafIndex, entry }
}

export function storedCollateral(row: CollateralRow): StoredCollateral {
  return { bytes: row.bytes, leafIndex: row.first_entry }
}

export function entryCollateral(row: EntryCollateralRow): EntryCollateral {
  return { leafIndex: row.leaf_index, kind: row.kind, digest: row.digest }
}

export function serviceKey(row: ServiceKeyRow): StoredServiceKey {
  return {
    ...{ keyId: row.key_id, purpose: row.purpose, coseKey: row.cose_key, addedAt: row.added_at },
    ...(row.retired_at === null ? {} : { retiredAt: row.retired_at }),
  }
}

/** `tree_size, root_hash, registration_time` in the order of the tables. */
export function headValues({ treeHead, registrationTime }: BatchHead): readonly unknown[] {
  return [treeHead.treeSize, treeHead.rootHash, registrationTime]
}

export function storedHeadValues(head: StoredHead): readonly unknown[] {
  return [...headValues(head), head.policyIndex]
}
