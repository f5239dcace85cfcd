/**
 * The delegations of a log as decide() is given them: a value, built from the delegation and
 * revocation entries below some index and from nothing else, so that an auditor builds the same one.
 * It holds what was admitted and judges nothing; an entry that does not parse gives nobody anything.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { encodeHex } from '../bytes/hex.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError } from '../errors.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { contentTypes } from './closed-rules.ts'
import { parseDelegation, parseDelegationRevocation } from './delegation.ts'
import type { Delegation } from './delegation.ts'
import { governanceKind } from '../payload/media-types.ts'
import { DELEGATION_DEPTH_MAX } from './policy-members.ts'

/** An entry of the log whose media type is that of a delegation or of a revocation. */
export interface DelegationEntry {
  readonly leafIndex: number
  readonly registrationTime: UnixSeconds
  /** As admitted: with the unprotected x5chain put back, if that was among its collateral. */
  readonly statement: SignedStatement
}

/** A delegation that is in the log. */
export interface RegisteredDelegation extends DelegationEntry {
  readonly entryId: string
  readonly issuer: string
  readonly delegation: Delegation
  /** Hex thumbprint of the key that it lets speak. */
  readonly audienceId: string
}

/** A chain, the issuer's own delegation first; each one's audience signed the next. */
export type DelegationChain = readonly RegisteredDelegation[]

/** Immutable: `with` gives another one. */
export class DelegationIndex {
  static readonly empty: DelegationIndex = new DelegationIndex(new Map(), new Map())

  readonly #byId: ReadonlyMap<string, RegisteredDelegation>
  /** By the thumbprint of the key that they let speak, in the order of the log. */
  readonly #byAudience: ReadonlyMap<string, readonly RegisteredDelegation[]>
  /** Entry id of a revoked delegation, and the index of the entry that revoked it first. */
  readonly #revokedBy: ReadonlyMap<string, number>

  private constructor(
    byId: ReadonlyMap<string, RegisteredDelegation>,
    revokedBy: ReadonlyMap<string, number>,
  ) {
    this.#byId = byId
    const byAudience = new Map<string, RegisteredDelegation[]>()
    for (const one of byId.values()) {
      const held = byAudience.get(one.audienceId)
      if (held === undefined) byAudience.set(one.audienceId, [one])
      else held.push(one)
    }
    this.#byAudience = byAudience
    this.#revokedBy = revokedBy
  }

  /** The index over these entries, which are in the order of the log; others are passed over. */
  static from(entries: Iterable<DelegationEntry>): DelegationIndex {
    return DelegationIndex.empty.with(...entries)
  }

  /** The index with further entries, all behind those that it has. */
  with(...entries: readonly DelegationEntry[]): DelegationIndex {
    const byId = new Map(this.#byId)
    const revokedBy = new Map(this.#revokedBy)
    for (const entry of entries) {
      const read = readEntry(entry)
      if (read === undefined) continue
      if (typeof read !== 'string') byId.set(read.entryId, read)
      else if (!revokedBy.has(read)) revokedBy.set(read, entry.leafIndex)
    }
    return new DelegationIndex(byId, revokedBy)
  }

  /** The index as it was for the entry at this index. */
  below(leafIndex: number): DelegationIndex {
    return new DelegationIndex(
      new Map([...this.#byId].filter(([, one]) => one.leafIndex < leafIndex)),
      new Map([...this.#revokedBy].filter(([, index]) => index < leafIndex)),
    )
  }

  find(entryId: string): RegisteredDelegation | undefined {
    return this.#byId.get(entryId)
  }

  /** Index of the entry that revoked this delegation itself. */
  revokedBy(entryId: string): number | undefined {
    return this.#revokedBy.get(entryId)
  }

  /** Delegations of an issuer to the key that `keyId` names; the newest first. */
  to(issuer: string, keyId: Uint8Array): readonly RegisteredDelegation[] {
    const held = this.#byAudience.get(encodeHex(keyId)) ?? []
    return held.filter((one) => one.issuer === issuer).reverse()
  }

  /**
   * The chain that ends in `last`, or `undefined` when a parent is not there or it is longer than
   * any policy allows.
   */
  chainOf(last: RegisteredDelegation): DelegationChain | undefined {
    const chain = [last]
    for (let first = last; first.delegation.parent !== undefined;) {
      const parent = this.#byId.get(first.delegation.parent)
      if (parent === undefined || chain.length >= DELEGATION_DEPTH_MAX) return undefined
      chain.unshift(parent)
      first = parent
    }
    return chain
  }
}

function readEntry(entry: DelegationEntry): RegisteredDelegation | string | undefined {
  const { statement } = entry
  const { issuer, hashEnvelope } = statement.headers
  const { payload } = statement.message
  const kind = contentTypes(statement).map(governanceKind).find(Boolean)
  if (payload === null || issuer === undefined || hashEnvelope !== undefined) return undefined
  try {
    if (kind === 'delegation-revocation') return parseDelegationRevocation(payload)
    if (kind !== 'delegation') return undefined
    const delegation = parseDelegation(payload)
    const audienceId = encodeHex(keyThumbprint(delegation.audience))
    return { ...entry, entryId: statement.entryId, issuer, delegation, audienceId }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return undefined
  }
}
