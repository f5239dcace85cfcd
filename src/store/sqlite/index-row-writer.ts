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
  storedBytes,
  termOf,
  unpackKeys,
} from './index-facts.ts'
import { attributeField, FIELD, numberField, svnField } from './index-sql.ts'
import type { IndexReads } from './index-sql.ts'
import type { IndexWrites } from './index-writes.ts'
import { PostingBatch } from './posting-batch.ts'
import { RowBatch } from './row-batch.ts'
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

export class IndexRowWriter {
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  readonly #terms: TermDictionary
  readonly #postings = new PostingBatch()
  /** Room for the keys of one record. */
  #keys = new Float64Array(64)

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
    const statements = new RowBatch(rowsOf.statement)
    const numbers = new RowBatch(rowsOf.number)
    const svns = new RowBatch(rowsOf.svn)
    this.#postings.begin(records.map(({ leafIndex }) => leafIndex))
    for (const [place, each] of named.entries()) {
      this.#addStatement(each, place, statements)
      this.#addNumbers(each.record, numbers)
      this.#addSvns(each.record, svns)
    }
    for (const rows of [statements, numbers, svns]) rows.end()
    this.#postings.insert(rowsOf.posting)
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

  /** Adds the row of a record whose terms are settled, and its postings. */
  #addStatement(
    { record, columns, facts, roles }: RecordTerms,
    place: number,
    rows: RowBatch,
  ): void {
    const { description, leafIndex, envelope } = record
    const { kind, type, issuer, subject, signer, contentType } = columns
    for (const name of COLUMNS) {
      const term = columns[name]
      if (term !== undefined) this.#postings.add(factKey(term.termId), place)
    }
    if (facts.length > this.#keys.length) this.#keys = new Float64Array(2 * facts.length)
    for (let at = 0; at < facts.length; at++) {
      const key = factKey(facts[at]!.termId, roles[at])
      this.#keys[at] = key
      this.#postings.add(key, place)
    }
    const packed = packKeys(this.#keys.subarray(0, facts.length).sort())
    const { values } = rows
    values.push(leafIndex, storedBytes(record.entryId), record.registrationTime)
    values.push(idOf(kind), idOf(type), idOf(issuer), idOf(subject), idOf(signer))
    values.push(idOf(contentType), idOf(columns.envelope))
    values.push(envelope === undefined ? null : Number(envelope.preimage === 'read'), packed)
    values.push(description.findings.length === 0 ? null : JSON.stringify(description.findings))
    rows.endRow()
  }

  #addNumbers({ description, leafIndex }: IndexRecord, rows: RowBatch): void {
    const { numbers } = description
    if (numbers.length === 0) return
    const different = new Map(numbers.map((each) => [`${each.name} ${each.value}`, each]))
    for (const { name, value } of different.values()) {
      rows.values.push(this.#terms.fieldId(numberField(name)), leafIndex, value)
      rows.endRow()
    }
  }

  #addSvns({ description, leafIndex }: IndexRecord, rows: RowBatch): void {
    const svns = description.attributes.filter(({ name }) => name === 'tcb-svn')
    for (const text of new Set(svns.map(({ value }) => value))) {
      const { name, value } = splitNamed(text)
      if (name === '' || !isSvnHex(value)) continue
      rows.values.push(this.#terms.fieldId(svnField(name)), leafIndex, decodeHex(value))
      rows.endRow()
    }
  }
}

function idOf(term: Term | undefined): number | null {
  return term === undefined ? null : term.termId
}
