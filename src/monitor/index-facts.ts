/**
 * What the index ought to say of an entry, computed from the entry: the same pure function that the
 * follower uses, under the policy that was in force. Content of a hash envelope counts where the
 * index says that it read it; where that cannot be had any more, nothing can be compared.
 */
import { encodeHex } from '../bytes/hex.ts'
import type { Sha256 } from '../bytes/digest.ts'
import type { StatementFacts, StatementRow } from '../client/statement-row.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { EntryFacts } from '../payload/entry-facts.ts'
import { governanceKind } from '../payload/media-types.ts'
import { parseEntry, readIndexedFacts } from '../policy/indexed-facts.ts'
import type { ParsedEntry } from '../policy/indexed-facts.ts'
import { parseRegistrationPolicy } from '../policy/registration-policy.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import { matchPayload } from '../statement/hash-envelope.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { LogSource } from './log-source.ts'

/** A row with everything that the statement says. */
export type RecordRow = StatementRow & { readonly facts?: StatementFacts }

/** An entry that is known to be in the tree, and when it was registered. */
export interface ScannedEntry {
  readonly leafIndex: number
  readonly entry: Uint8Array
  readonly entryId: string
  readonly registrationTime: number
}

/** An entry read; what cannot be read is its error. */
export interface ReadEntry extends ScannedEntry {
  readonly statement: ParsedEntry
  readonly isEnvelope: boolean
  /** In force when it was admitted. */
  readonly policy: RegistrationPolicy | undefined
}

/** Reads entries in order and keeps the policy that the next one is under. */
export class EntryReader {
  readonly #sha256: Sha256
  #policy: RegistrationPolicy | undefined
  /** Index of the entry that is the policy. */
  policyIndex: number | undefined

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  read(scanned: Omit<ScannedEntry, 'entryId'>): ReadEntry {
    const { entry, leafIndex } = scanned
    const policy = this.#policy
    const statement = parseEntry(entry, this.#sha256)
    if (!(statement instanceof Error)) this.#adopt(statement, leafIndex)
    const isEnvelope = !(statement instanceof Error) && statement.headers.hashEnvelope !== undefined
    return { ...scanned, entryId: encodeHex(this.#sha256(entry)), statement, isEnvelope, policy }
  }

  #adopt({ headers, message }: SignedStatement, leafIndex: number): void {
    const { contentType } = headers
    if (typeof contentType !== 'string' || governanceKind(contentType) !== 'policy') return
    this.#policy = policyOf(message.payload ?? new Uint8Array())
    this.policyIndex = leafIndex
  }
}

export interface FactsPorts {
  readonly source: LogSource
  readonly sha256: Sha256
}

/** What the index should have; `undefined` where the content that it read cannot be had. */
export async function computeFacts(
  { entry, statement, policy }: ReadEntry,
  row: RecordRow,
  { source, sha256 }: FactsPorts,
): Promise<EntryFacts | undefined> {
  const { envelope } = row
  if (statement instanceof Error || envelope?.preimage !== 'read') {
    return readIndexedFacts({ entry, statement, preimage: undefined, policy, sha256 })
  }
  const preimage = await source.payload(envelope.digest)
  if (preimage === undefined || !fits(statement, preimage)) return undefined
  return readIndexedFacts({ entry, statement, preimage, policy, sha256 })
}

function fits(statement: SignedStatement, preimage: Uint8Array): boolean {
  try {
    matchPayload(statement, preimage)
    return true
  } catch (error) {
    if (error instanceof VerificationError || error instanceof InputError) return false
    throw error
  }
}

/** A document that is no policy decides nothing. */
function policyOf(payload: Uint8Array): RegistrationPolicy | undefined {
  try {
    return parseRegistrationPolicy(payload)
  } catch {
    return undefined
  }
}

/** The first thing in which a row differs from what it should say; `undefined` when it is right. */
export function findDifference(
  { registrationTime, entryId }: ScannedEntry,
  row: RecordRow,
  facts: EntryFacts | undefined,
): string | undefined {
  if (row.entryId !== entryId) return `entry id ${row.entryId}`
  if (row.registeredAt !== registrationTime) return `registered at ${row.registeredAt}`
  if (facts === undefined) return undefined
  for (const name of ['issuer', 'subject', 'signer', 'contentType'] as const) {
    if (row[name] !== facts[name]) return `${name} ${String(row[name])}`
  }
  const { kind, type, ...lists } = facts.description
  if (row.envelope?.digest !== facts.envelope?.digest) return `content ${row.envelope?.digest ?? 'absent'}` // prettier-ignore
  if (row.kind !== kind) return `kind ${row.kind}`
  if (row.type !== type) return `type ${row.type}`
  return row.facts === undefined ? 'no facts' : differenceOfLists(row.facts, lists)
}

function differenceOfLists(said: StatementFacts, expected: StatementFacts): string | undefined {
  for (const name of ['digests', 'attributes', 'numbers', 'findings'] as const) {
    const [has, should] = [texts(said[name]), texts(expected[name])]
    const missing = [...should].find((text) => !has.has(text))
    if (missing !== undefined) return `no ${missing} among its ${name}`
    const extra = [...has].find((text) => !should.has(text))
    if (extra !== undefined) return `${extra} among its ${name}`
  }
  return undefined
}

function texts(list: StatementFacts[keyof StatementFacts]): Set<string> {
  return new Set(
    list.map((item) => {
      if ('role' in item) return `${item.role} ${item.algorithm}:${item.value}`
      if ('code' in item) return [item.code, item.pointer ?? '', item.message].join(' ')
      return `${item.name} ${item.value}`
    }),
  )
}
