/**
 * The port of the payload store (design D1): content of hash envelopes by its digest, outside the
 * tree. Content that an admission was decided with is collateral of its entry, committed with it by
 * the log store; this port finds it there, too, so that there is one place to ask.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { PayloadName } from '../statement/payload-name.ts'

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
