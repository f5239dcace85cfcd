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
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { isOfSubmitter } from './compare-submitters.ts'
import { readReferences } from './evidence-references.ts'
import type { ReferencePorts, RegisteredCollateral } from './evidence-references.ts'

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
  /** Policies by the index of their entry, ascending. */
  readonly #policies: {
    readonly index: number
    readonly policy: RegistrationPolicy | undefined
  }[] = []

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  /** Index of the policy for an entry. */
  policyIndexAt(leafIndex: number): number | undefined {
    return this.#policies.findLast(({ index }) => index < leafIndex)?.index
  }

  /** The policy for an entry that was read. */
  policyAt(leafIndex: number): RegistrationPolicy | undefined {
    return this.#policies.findLast(({ index }) => index < leafIndex)?.policy
  }

  read(scanned: Omit<ScannedEntry, 'entryId'>): ReadEntry {
    const { entry, leafIndex } = scanned
    const policy = this.policyAt(leafIndex)
    const statement = parseEntry(entry, this.#sha256)
    if (!(statement instanceof Error)) this.#adopt(statement, leafIndex)
    const isEnvelope = !(statement instanceof Error) && statement.headers.hashEnvelope !== undefined
    return { ...scanned, entryId: encodeHex(this.#sha256(entry)), statement, isEnvelope, policy }
  }

  #adopt({ headers, message }: SignedStatement, leafIndex: number): void {
    const { contentType } = headers
    if (typeof contentType !== 'string' || governanceKind(contentType) !== 'policy') return
    this.#policies.push({ index: leafIndex, policy: policyOf(message.payload ?? new Uint8Array()) })
  }
}

export interface FactsPorts extends ReferencePorts {
  readonly verifier: SignatureVerifier
  /** Entries that registered collateral, as the replay met them. */
  readonly registered: readonly RegisteredCollateral[]
}

/** What the index should have; `undefined` where the content that it read cannot be had. */
export async function computeFacts(
  read: ReadEntry,
  row: RecordRow,
  ports: FactsPorts,
): Promise<EntryFacts | undefined> {
  const { entry, statement, policy, leafIndex, registrationTime } = read
  const { source, sha256, verifier, registered } = ports
  const known = { entry, statement, policy, registrationTime, verifier, sha256 }
  if (statement instanceof Error) {
    return readIndexedFacts({ ...known, preimage: undefined, givens: {} })
  }
  const { envelope } = row
  const isRead = envelope?.preimage === 'read'
  const preimage = isRead ? await source.payload(envelope.digest) : undefined
  if (isRead && (preimage === undefined || !fits(statement, preimage))) return undefined
  const referring = { leafIndex, statement, preimage, policy, registered }
  const { givens, missing } = await readReferences(referring, ports)
  return missing === undefined ? readIndexedFacts({ ...known, preimage, givens }) : undefined
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
    const own = name === 'attributes' ? said[name].filter((one) => !isOfSubmitter(one)) : said[name]
    const [has, should] = [texts(own), texts(expected[name])]
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
