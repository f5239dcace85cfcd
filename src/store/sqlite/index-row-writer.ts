/**
 * Writes what the tables of the index keep of records, and takes it away again. Rows of many records
 * are inserted together, postings in the order of their key: that is where the time goes.
 */
import { decodeHex } from '../../bytes/hex.ts'
import type { LeafIndex } from '../../bytes/integers.ts'
import { assertInvariant } from '../../errors.ts'
import type { IndexRecord } from '../../log/index-store.ts'
import { splitNamed } from '../../payload/description.ts'
import type { AttributeName } from '../../payload/description.ts'
import { isSvnHex } from '../../payload/tee/svn-order.ts'
import { blob } from './database.ts'
import {
  BARE_MEASUREMENT,
  digestTerm,
  factKey,
  packKeys,
  roleNumber,
  termOf,
  unpackKeys,
} from './index-facts.ts'
import { attributeField, FIELD, insertRows, numberField, svnField } from './index-sql.ts'
import type { IndexReads, IndexWrites } from './index-sql.ts'
import { TermDictionary } from './term-dictionary.ts'
import type { Term } from './term-dictionary.ts'

/** What a statement is found by beside its facts. */
const COLUMNS = ['kind', 'type', 'issuer', 'subject', 'signer', 'envelope'] as const
type TermsRow = Readonly<Record<(typeof COLUMNS)[number], number | null>> & {
  readonly facts: unknown
}

const attributeFields = new Map<AttributeName, string>()

/** {@link attributeField}, made once: attributes have few names. */
function fieldOf(name: AttributeName): string {
  const known = attributeFields.get(name)
  if (known !== undefined) return known
  const field = attributeField(name)
  attributeFields.set(name, field)
  return field
}

/** Role of what is no digest. */
const SAYS = 0

/** Terms of a record, which have no number yet. */
interface RecordTerms {
  readonly record: IndexRecord
  readonly columns: Readonly<Record<(typeof COLUMNS)[number] | 'contentType', Term | undefined>>
  /** Of digests and attributes, in the roles at the same places. */
  readonly facts: readonly Term[]
  readonly roles: readonly number[]
}

/** Postings by key (`factKey`); the indexes of a key ascend. */
class Postings {
  readonly #keys: number[] = []
  // Most keys have one index, and no list.
  readonly #indexes = new Map<number, number | number[]>()

  add(key: number, leafIndex: number): void {
    const known = this.#indexes.get(key)
    if (known === undefined) {
      this.#keys.push(key)
      this.#indexes.set(key, leafIndex)
    } else if (typeof known !== 'number') {
      if (known.at(-1) !== leafIndex) known.push(leafIndex)
    } else if (known !== leafIndex) this.#indexes.set(key, [known, leafIndex])
  }

  /** Their rows, ascending. */
  values(): number[] {
    const values: number[] = []
    for (const key of Float64Array.from(this.#keys).sort()) {
      const { termId, role } = termOf(key)
      const known = this.#indexes.get(key)!
      if (typeof known === 'number') values.push(termId, role, known)
      else for (const leafIndex of known) values.push(termId, role, leafIndex)
    }
    return values
  }
}

export class IndexRowWriter {
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  readonly #terms: TermDictionary

  constructor(reads: IndexReads, writes: IndexWrites) {
    this.#reads = reads
    this.#writes = writes
    this.#terms = new TermDictionary(reads, writes)
  }

  /** After a transaction that was rolled back. */
  forget(): void {
    this.#terms.forget()
  }

  /** Inserts all of these records, whose indexes ascend. */
  insert(records: readonly IndexRecord[]): void {
    const { rowsOf } = this.#writes
    const named = records.map((record) => this.#name(record))
    this.#terms.settle()
    const [statements, numbers, svns]: [unknown[], unknown[], unknown[]] = [[], [], []]
    const postings = new Postings()
    for (const each of named) {
      addStatement(each, statements, postings)
      this.#addNumbers(each.record, numbers)
      this.#addSvns(each.record, svns)
    }
    insertRows(rowsOf.statement, statements)
    insertRows(rowsOf.posting, postings.values())
    insertRows(rowsOf.number, numbers)
    insertRows(rowsOf.svn, svns)
  }

  /** Removes all of a record. */
  remove(leafIndex: LeafIndex): void {
    const row = this.#reads.readTerms.get(leafIndex) as TermsRow | undefined
    assertInvariant(row !== undefined, `record ${leafIndex} is not indexed`)
    const columns = COLUMNS.map((name) => row[name]).filter((termId) => termId !== null)
    const keys = [...columns.map((termId) => factKey(termId)), ...unpackKeys(blob(row.facts))]
    for (const key of new Set(keys)) {
      const { termId, role } = termOf(key)
      this.#writes.deletePosting.run(termId, role, leafIndex)
    }
    for (const field of this.#reads.numberFields.all() as { readonly field_id: number }[]) {
      this.#writes.deleteNumbers.run(field.field_id, leafIndex)
    }
    for (const field of this.#reads.svnFields.all() as { readonly field_id: number }[]) {
      this.#writes.deleteSvns.run(field.field_id, leafIndex)
    }
    this.#writes.deleteStatement.run(leafIndex)
  }

  #name(record: IndexRecord): RecordTerms {
    const { issuer, subject, signer, contentType, envelope, description } = record
    const term = (field: string, text: string | undefined): Term | undefined =>
      text === undefined ? undefined : this.#terms.term(field, text)
    const columns = {
      kind: term(FIELD.kind, description.kind),
      type: term(FIELD.type, description.type),
      issuer: term(FIELD.issuer, issuer),
      subject: term(FIELD.subject, subject),
      signer: term(FIELD.signer, signer),
      contentType: term(FIELD.contentType, contentType),
      envelope: term(FIELD.envelope, envelope?.digest),
    }
    return { record, columns, ...this.#facts(record) }
  }

  #facts({ description }: IndexRecord): Pick<RecordTerms, 'facts' | 'roles'> {
    const [facts, roles]: [Term[], number[]] = [[], []]
    for (const { role, algorithm, value } of description.digests) {
      facts.push(this.#terms.term(...digestTerm(algorithm, value)))
      roles.push(roleNumber(role))
    }
    for (const { name, value } of description.attributes) {
      facts.push(this.#terms.term(fieldOf(name), value))
      roles.push(SAYS)
      if (name !== 'measurement') continue
      // Found by the value alone, too; index-rows.ts does not show it a second time.
      facts.push(this.#terms.term(BARE_MEASUREMENT, splitNamed(value).value))
      roles.push(SAYS)
    }
    return { facts, roles }
  }

  #addNumbers({ description, leafIndex }: IndexRecord, rows: unknown[]): void {
    const { numbers } = description
    if (numbers.length === 0) return
    const different = new Map(numbers.map((each) => [`${each.name} ${each.value}`, each]))
    for (const { name, value } of different.values()) {
      rows.push(this.#terms.fieldId(numberField(name)), leafIndex, value)
    }
  }

  #addSvns({ description, leafIndex }: IndexRecord, rows: unknown[]): void {
    const svns = description.attributes.filter(({ name }) => name === 'tcb-svn')
    for (const text of new Set(svns.map(({ value }) => value))) {
      const { name, value } = splitNamed(text)
      if (name === '' || !isSvnHex(value)) continue
      rows.push(this.#terms.fieldId(svnField(name)), leafIndex, decodeHex(value))
    }
  }
}

/** Adds the row of a record whose terms are settled, and its postings. */
function addStatement(
  { record, columns, facts, roles }: RecordTerms,
  rows: unknown[],
  postings: Postings,
): void {
  const { description, leafIndex, envelope } = record
  const { kind, type, issuer, subject, signer, contentType } = columns
  for (const name of COLUMNS) {
    const term = columns[name]
    if (term !== undefined) postings.add(factKey(term.termId), leafIndex)
  }
  const keys = differentKeys(facts, roles)
  for (const key of keys) postings.add(key, leafIndex)
  rows.push(leafIndex, record.entryId, record.registrationTime)
  for (const term of [kind, type, issuer, subject, signer, contentType, columns.envelope]) {
    rows.push(term === undefined ? null : term.termId)
  }
  rows.push(
    envelope === undefined ? null : Number(envelope.preimage === 'read'),
    packKeys(keys),
    description.findings.length === 0 ? null : JSON.stringify(description.findings),
  )
}

/** Keys of facts, ascending, each once. */
function differentKeys(facts: readonly Term[], roles: readonly number[]): readonly number[] {
  const keys = facts.map(({ termId }, at) => factKey(termId, roles[at])).sort((a, b) => a - b)
  return keys.filter((key, at) => key !== keys[at - 1])
}
