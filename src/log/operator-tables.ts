/**
 * Ports of what operators and serving nodes share beside the log: API tokens, refusals, and whether a log
 * of several nodes is frozen.
 * Adapters answer at once (SQLite) or later (PostgreSQL); whoever uses them awaits.
 */
import type { UnixSeconds } from '../bytes/integers.ts'

export type Awaitable<Value> = Value | Promise<Value>

/** A token as it is stored. */
export interface StoredApiToken {
  readonly tokenId: string
  /** SHA-256 of its secret. */
  readonly hash: Uint8Array
  /** What the operator calls it. */
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAt: UnixSeconds
  readonly expiresAt?: UnixSeconds
  readonly revokedAt?: UnixSeconds
}

export interface ApiTokenStore {
  find(tokenId: string): Awaitable<StoredApiToken | undefined>
  /** All of them, oldest first. */
  list(): Awaitable<readonly StoredApiToken[]>
  add(token: StoredApiToken): Awaitable<void>
  /** False when there is no such token; one that is revoked stays so. */
  revoke(tokenId: string, at: UnixSeconds): Awaitable<boolean>
  close(): Awaitable<void>
}

/** Since when a log takes nothing new, and why: for operators. */
export interface Frozen {
  readonly frozenAt: UnixSeconds
  readonly reason: string
}

/** Freezes a log on all of its nodes: once it is frozen nothing but journals is committed. */
export interface FreezeStore {
  /** Undefined while the log is not frozen. */
  read(): Promise<Frozen | undefined>
  /** What was there before, and stays, when it was frozen already. */
  freeze(state: Frozen): Promise<Frozen | undefined>
  /** False when it was not frozen. */
  unfreeze(): Promise<boolean>
  close(): Promise<void>
}

/** A refused statement; the same shape as the registry's port. */
export interface RefusalRecord {
  readonly entryId: string
  readonly rule: string
  readonly reason: string
  readonly issuer?: string
  readonly refusedAt: UnixSeconds
}

/** Keeps refusals: never throws and never delays an answer. */
export interface RefusalStore {
  record(refusal: RefusalRecord): void
  close(): Awaitable<void>
}
