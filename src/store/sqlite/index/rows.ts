/**
 * Rows of the index as statements and records. A record has only what is found by look-ups, too: a
 * fact whose posting is gone is not shown, and a statement that is not found by its kind or type is
 * not there, so that whoever compares records with the log sees what queries would hide.
 */
import type { LeafIndex } from '../../../bytes/integers.ts'
import { assertInvariant, InvariantError } from '../../../errors.ts'
import { findingCodes } from '../../../log/index-store.ts'
import type { IndexedStatement, IndexRecord } from '../../../log/index-store.ts'
import type {
  DescribedAttribute,
  DescribedDigest,
  DescribedNumber,
  Finding,
  StatementKind,
} from '../../../payload/description.ts'
import { blob } from '../database.ts'
import { unpackFacts } from './fact-list.ts'
import type { FactNames } from './fact-list.ts'
import { digestOf, FIELD, isAttribute, nameOf, ROLES, searchedBy } from './facts.ts'
import type { ClaimName, Fact } from './facts.ts'
import type { IndexFields } from './fields.ts'
import type { IndexReads } from './reads.ts'
import type { PostingRuns } from './posting-runs.ts'

interface Row {
  readonly entry_id: unknown
  readonly registration_time: number
  readonly absent_preimage: string | null
  readonly facts: unknown
  readonly findings: string | null
}

/** A row of `statement`, read. */
export interface StoredStatement {
  readonly leafIndex: LeafIndex
  readonly entryId: Uint8Array
  readonly registrationTime: number
  readonly isPreimageAbsent: boolean
  readonly facts: readonly Fact[]
  readonly findings: Finding[]
}

export class IndexRows {
  readonly #reads: IndexReads
  readonly #fields: IndexFields
  readonly #names: FactNames

  constructor(reads: IndexReads, fields: IndexFields) {
    this.#reads = reads
    this.#fields = fields
    this.#names = {
      field: (id) => fields.name(id),
      sharedValue: (id) => {
        const value = reads.readSharedValue.get(id)
        if (typeof value !== 'string') throw new InvariantError(`value ${id} is not in the index`)
        return value
      },
    }
  }

  /** Undefined when there is no such row. */
  read(leafIndex: number): StoredStatement | undefined {
    const row = this.#reads.readStatement.get(leafIndex) as Row | undefined
    if (row === undefined) return undefined
    try {
      return {
        leafIndex: leafIndex as LeafIndex,
        entryId: blob(row.entry_id),
        registrationTime: row.registration_time,
        isPreimageAbsent: row.absent_preimage !== null,
        facts: unpackFacts(blob(row.facts), this.#names),
        findings: row.findings === null ? [] : parseFindings(row.findings),
      }
    } catch (cause) {
      throw new InvariantError(`the row of statement ${leafIndex} is damaged`, { cause })
    }
  }

  readRecord(leafIndex: number, postings: PostingRuns): IndexRecord | undefined {
    const stored = this.read(leafIndex)
    if (stored === undefined) return undefined
    const isFound = (fact: Fact): boolean => {
      const key = this.#fields.keyOf(fact)
      return key !== undefined && postings.has(key, leafIndex)
    }
    const facts = stored.facts.filter((fact) => searchedBy(fact).every(isFound))
    const { kind, type, ...claims } = claimsOf({ ...stored, facts })
    if (kind === undefined || type === undefined) return undefined
    const [digests, attributes] = [digestsOf(facts), attributesOf(facts)]
    const { findings, entryId, registrationTime } = stored
    const numbers = this.#numbers(leafIndex)
    const description = { kind, type, digests, attributes, numbers, findings }
    return { leafIndex: stored.leafIndex, entryId, registrationTime, ...claims, description }
  }

  #numbers(leafIndex: number): DescribedNumber[] {
    const fields = this.#reads.numberFields.all() as { field_id: number; name: string }[]
    return fields.flatMap(({ field_id: fieldId, name }) => {
      const values = this.#reads.readNumbers.all(fieldId, leafIndex) as number[]
      return values.map((value) => ({ name: nameOf(name) as DescribedNumber['name'], value }))
    })
  }
}

function parseFindings(json: string): Finding[] {
  const findings = JSON.parse(json) as (Finding | null)[]
  // A TypeError when it is no list, which is damage as well.
  const isWhole = findings.every((finding) => typeof finding?.code === 'string')
  assertInvariant(isWhole, 'a finding has no code')
  return findings as Finding[]
}

/** A statement as lists show it. */
export function listedOf(stored: StoredStatement): IndexedStatement {
  const { leafIndex, entryId, registrationTime } = stored
  const { kind, type, ...claims } = claimsOf(stored)
  if (kind === undefined || type === undefined) {
    throw new InvariantError(`the row of statement ${leafIndex} has no kind`)
  }
  const findings = findingCodes(stored.findings)
  return { leafIndex, entryId, registrationTime, ...claims, kind, type, findings }
}

/** Whether one of these is what the statement says: two values may share a key. */
export function saysAny(stored: StoredStatement, wanted: readonly Fact[]): boolean {
  return stored.facts.some((fact) =>
    searchedBy(fact).some(({ field, role, text }) =>
      wanted.some((each) => each.field === field && each.role === role && each.text === text),
    ),
  )
}

type Claims = Pick<IndexRecord, 'issuer' | 'subject' | 'signer' | 'contentType' | 'envelope'> & {
  readonly kind: StatementKind | undefined
  readonly type: string | undefined
}

function claimsOf({ facts, isPreimageAbsent }: StoredStatement): Claims {
  const text = (name: ClaimName): string | undefined =>
    facts.find(({ field }) => field === FIELD[name])?.text
  const [issuer, subject, signer] = [text('issuer'), text('subject'), text('signer')]
  const [contentType, digest] = [text('contentType'), text('envelope')]
  const preimage = isPreimageAbsent ? ('absent' as const) : ('read' as const)
  return {
    kind: text('kind') as StatementKind | undefined,
    type: text('type'),
    ...(issuer === undefined ? {} : { issuer }),
    ...(subject === undefined ? {} : { subject }),
    ...(signer === undefined ? {} : { signer }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(digest === undefined ? {} : { envelope: { digest, preimage } }),
  }
}

function digestsOf(facts: readonly Fact[]): DescribedDigest[] {
  return facts.flatMap(({ field, role: number, text }) => {
    const role = ROLES[number]
    if (role === undefined) return []
    const [algorithm, value] = digestOf(field, text)
    return [{ role, algorithm, value }]
  })
}

function attributesOf(facts: readonly Fact[]): DescribedAttribute[] {
  return facts.filter(isAttribute).map(({ field, text }) => ({
    name: nameOf(field) as DescribedAttribute['name'],
    value: text,
  }))
}
