/**
 * The port of the payload store (design D1): content of hash envelopes by its digest, outside the
 * tree. Content that an admission was decided with is collateral of its entry, committed with it by
 * the log store; this port finds it there, too, so that there is one place to ask.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import type { Awaitable } from './operator-tables.ts'

/** Content, or the entry of the statement by which it was deleted. */
export type FoundPayload =
  | { readonly kind: 'stored'; readonly bytes: Uint8Array }
  | { readonly kind: 'pruned'; readonly entryId: Uint8Array }

/** Content whose digests were computed from these very bytes. */
export interface NewPayload {
  readonly name: PayloadName
  /** SHA-256 of the bytes; equal to the name's digest where that is one. */
  readonly sha256: Uint8Array
  readonly bytes: Uint8Array
  readonly storedAt: UnixSeconds
}

export interface PayloadStore {
  /** The name under which it was stored, or its SHA-256, finds it. A failed read is an error. */
  find(name: PayloadName): Promise<FoundPayload | undefined>

  /** Whether {@link find} has content for this name; reads none of it. */
  has(name: PayloadName): Promise<boolean>

  /**
   * Stores content durably, once. `present`: it was there, in whatever role; `pruned`: it was deleted
   * by a registered statement and is not taken again.
   * @throws UnavailableError `ERR_STORE_BUSY` when nothing was stored.
   */
  put(payload: NewPayload): Promise<'stored' | 'present' | 'pruned'>

  close(): Promise<void>
}

/** Content that was deleted by a registered statement: its SHA-256, and all its names. */
export interface PrunedPayload {
  readonly digest: Uint8Array
  readonly names: readonly PayloadName[]
}

/** A payload store as exports read it. */
export interface ExportedPayloads extends PayloadStore {
  /**
   * Names under which what is pinned is served and `collateral/` does not. Names of what was pruned
   * meanwhile find nothing.
   */
  listPinnedNames(): Awaitable<readonly PayloadName[]>
  listPruned(): Awaitable<readonly PrunedPayload[]>
}

/** What is known of content that somebody wants to delete. */
export interface PayloadStanding {
  /** SHA-256 of the content. */
  readonly digest: Uint8Array
  readonly bytes: number
  /** Deleting it takes a registered statement. */
  readonly isPinned: boolean
  /** Some entry was admitted with the same bytes in another role: they have to stay. */
  readonly isNeeded: boolean
}

/** Deleting payloads beside serving processes. */
export interface PayloadPruning {
  find(name: PayloadName): Awaitable<PayloadStanding | undefined>
  /** Deletes what is not pinned; false when it is, or is not there. */
  deleteUnpinned(digest: Uint8Array): Awaitable<boolean>
  /** From here on nothing new is decided with it, and it is not taken again. */
  mark(digest: Uint8Array, entryId: Uint8Array, at: UnixSeconds): Awaitable<void>
  /** Deletes what was marked. */
  deleteMarked(digest: Uint8Array): Awaitable<void>
  close(): Awaitable<void>
}

/** Preimages as an index reads them. */
export interface Preimages {
  /** The content, now pinned; `undefined` when it is not here. */
  read(name: PayloadName): Awaitable<Uint8Array | undefined>
  close(): Awaitable<void>
}

export interface StoredPayload {
  /** SHA-256 under which it is stored. */
  readonly digest: Uint8Array
  readonly bytes: Uint8Array
}

/** All content that is no collateral, to be checked. */
export interface StoredPayloads {
  /** The first one behind `digest`; undefined at the end. */
  after(digest: Uint8Array): Awaitable<StoredPayload | undefined>
  close(): Awaitable<void>
}
