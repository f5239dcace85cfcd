/** Rows of what a store keeps beside the log, as they move from one store to another. */
import type { UnixSeconds } from '../bytes/integers.ts'

export type SideRow =
  | {
      readonly table: 'payload'
      readonly digest: Uint8Array
      readonly bytes: Uint8Array
      readonly storedAt: UnixSeconds
      readonly pinned: boolean
    }
  | { readonly table: 'payload-alias'; readonly name: Uint8Array; readonly digest: Uint8Array }
  | {
      readonly table: 'pruned-payload'
      readonly digest: Uint8Array
      readonly entryId: Uint8Array
      readonly prunedAt: UnixSeconds
    }
  | {
      readonly table: 'api-token'
      readonly tokenId: string
      readonly hash: Uint8Array
      readonly name: string
      /** Separated by one space. */
      readonly scopes: string
      readonly createdAt: UnixSeconds
      readonly expiresAt: UnixSeconds | null
      readonly revokedAt: UnixSeconds | null
    }
  | {
      readonly table: 'refusal'
      readonly entryId: string
      readonly rule: string
      readonly reason: string
      readonly issuer: string | null
      readonly refusedAt: UnixSeconds
    }

export type SideTable = SideRow['table']
