/**
 * Rows of the index as statements and records. A record has only what is found by look-ups, too: a
 * fact whose posting is gone is not shown, and a statement that is not found by its kind or type is
 * not there, so that whoever compares records with the log sees what queries would hide.
 */
import type { LeafIndex } from '../../bytes/integers.ts'
import { assertInvariant } from '../../errors.ts'
import { findingCodes } from '../../log/index-store.ts'
import type { IndexedStatement, IndexRecord } from '../../log/index-store.ts'
import type {
  DescribedAttribute,
  DescribedDigest,
  DescribedNumber,
  Finding,
  StatementKind,
} from '../../payload/description.ts'
import { blob } from './database.ts'
import { BARE_MEASUREMENT, digestOf, ROLES, storedText, termOf, unpackKeys } from './index-facts.ts'
import { nameOf } from './index-sql.ts'
import type { IndexReads } from './index-sql.ts'

type Row = Readonly<Record<string, unknown>> & {
  readonly leaf_index: LeafIndex
  readonly registration_time: number
}

type Claims = Pick<IndexRecord, 'issuer' | 'subject' | 'signer' | 'contentType' | 'envelope'>

export class IndexRows {
  readonly #reads: IndexReads

  constructor(reads: IndexReads) {
    this.#reads = reads
  }

  readListed(leafIndex: number): IndexedStatement {
    const row = this.#reads.readListed.get(leafIndex) as Row | undefined
    assertInvariant(row !== undefined, `record ${leafIndex} is not in the index`)
    return {
      ...listedOf(row),
      kind: storedText(row['kind']) as StatementKind,
      type: storedText(row['type']),
      findings: findingCodes(findingsOf(row)),
    }
  }

  readRecord(leafIndex: number): IndexRecord | undefined {
    const row = this.#reads.readListed.get(leafIndex) as Row | undefined
    const terms = this.#reads.readTerms.get(leafIndex) as Record<string, unknown> | undefined
    if (row === undefined || terms === undefined) return undefined
    const isFound = (column: string): boolean =>
      this.#reads.hasPosting.get(terms[column], 0, leafIndex) !== undefined
    if (!isFound('kind') || !isFound('type')) return undefined
    const { issuer, subject, signer, envelope, ...rest } = listedOf(row)
    return {
      ...rest,
      ...(issuer !== undefined && isFound('issuer') ? { issuer } : {}),
      ...(subject !== undefined && isFound('subject') ? { subject } : {}),
      ...(signer !== undefined && isFound('signer') ? { signer } : {}),
      ...(envelope !== undefined && isFound('envelope') ? { envelope } : {}),
      description: {
        kind: storedText(row['kind']) as StatementKind,
        type: storedText(row['type']),
        ...this.#facts(leafIndex, blob(terms['facts'])),
        numbers: this.#numbers(leafIndex),
        findings: findingsOf(row),
      },
    }
  }

  #facts(
    leafIndex: number,
    packed: Uint8Array,
  ): {
    readonly digests: DescribedDigest[]
    readonly attributes: DescribedAttribute[]
  } {
    const [digests, attributes]: [DescribedDigest[], DescribedAttribute[]] = [[], []]
    for (const key of unpackKeys(packed)) {
      const { termId, role } = termOf(key)
      const fact = this.#reads.readFact.get(termId, role, leafIndex) as
        { readonly name: string; readonly value: unknown } | undefined
      if (fact === undefined || fact.name === BARE_MEASUREMENT) continue
      const text = storedText(fact.value)
      const digestRole = ROLES[role]
      if (digestRole === undefined) {
        attributes.push({ name: nameOf(fact.name) as DescribedAttribute['name'], value: text })
      } else {
        const [algorithm, value] = digestOf(fact.name, text)
        digests.push({ role: digestRole, algorithm, value })
      }
    }
    return { digests, attributes }
  }

  #numbers(leafIndex: number): DescribedNumber[] {
    const fields = this.#reads.numberFields.all() as { field_id: number; name: string }[]
    return fields.flatMap(({ field_id: fieldId, name }) => {
      const values = this.#reads.readNumbers.all(fieldId, leafIndex) as number[]
      return values.map((value) => ({ name: nameOf(name) as DescribedNumber['name'], value }))
    })
  }
}

function listedOf(row: Row): Omit<IndexedStatement, 'kind' | 'type' | 'findings'> {
  const text = (column: string): string | undefined =>
    row[column] === null ? undefined : storedText(row[column])
  const [issuer, subject, signer] = [text('issuer'), text('subject'), text('signer')]
  const [contentType, digest] = [text('content_type'), text('envelope')]
  const preimage = row['preimage_read'] === 1 ? ('read' as const) : ('absent' as const)
  const claims: Claims = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(subject === undefined ? {} : { subject }),
    ...(signer === undefined ? {} : { signer }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(digest === undefined ? {} : { envelope: { digest, preimage } }),
  }
  return {
    leafIndex: row.leaf_index,
    entryId: blob(row['entry_id']),
    registrationTime: row.registration_time,
    ...claims,
  }
}

function findingsOf(row: Row): Finding[] {
  return row['findings'] === null ? [] : (JSON.parse(storedText(row['findings'])) as Finding[])
}
