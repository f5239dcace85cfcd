/**
 * Writes what the tables of the index keep of one record, and takes it away again. Postings of many
 * records are inserted together, in the order of their key: that is where the time goes.
 */
import { decodeHex } from '../../bytes/hex.ts'
import type { LeafIndex } from '../../bytes/integers.ts'
import { assertInvariant } from '../../errors.ts'
import type { IndexRecord } from '../../log/index-store.ts'
import { splitNamed } from '../../payload/description.ts'
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
import { attributeField, FIELD, INSERT_ROWS, numberField, svnField } from './index-sql.ts'
import type { IndexReads, IndexWrites } from './index-sql.ts'
import { TermDictionary } from './term-dictionary.ts'

/** What a statement is found by beside its facts. */
type Columns = Readonly<
  Record<'kind' | 'type' | 'issuer' | 'subject' | 'signer' | 'envelope', number | null>
>
type TermsRow = Columns & { readonly facts: unknown }

/** Postings by key (`factKey`); the indexes of a key ascend. */
export class Postings {
  readonly lists: Map<number, number[]> = new Map<number, number[]>()

  add(keys: Iterable<number>, leafIndex: number): void {
    for (const key of keys) {
      const list = this.lists.get(key)
      if (list === undefined) this.lists.set(key, [leafIndex])
      else list.push(leafIndex)
    }
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

  /** Inserts all of a record but its postings, whose keys it returns. */
  insert(record: IndexRecord): Iterable<number> {
    const { description, leafIndex, envelope } = record
    const columns = this.#columns(record)
    const facts = this.#facts(record)
    const { kind, type, issuer, subject, signer, contentType } = columns
    this.#writes.insertStatement.run(
      ...[leafIndex, record.entryId, record.registrationTime],
      ...[kind, type, issuer, subject, signer, contentType, columns.envelope],
      envelope === undefined ? null : Number(envelope.preimage === 'read'),
      packKeys(facts),
      description.findings.length === 0 ? null : JSON.stringify(description.findings),
    )
    const numbers = new Map(description.numbers.map((each) => [`${each.name} ${each.value}`, each]))
    for (const { name, value } of numbers.values()) {
      this.#writes.insertNumber.run(this.#terms.field(numberField(name)), leafIndex, value)
    }
    this.#insertSvns(record)
    return new Set([...columnKeys(columns), ...facts])
  }

  #insertSvns({ description, leafIndex }: IndexRecord): void {
    const texts = new Set(
      description.attributes.flatMap(({ name, value }) => (name === 'tcb-svn' ? [value] : [])),
    )
    for (const text of texts) {
      const { name, value } = splitNamed(text)
      if (name === '' || !isSvnHex(value)) continue
      this.#writes.insertSvn.run(this.#terms.field(svnField(name)), leafIndex, decodeHex(value))
    }
  }

  insertPostings({ lists }: Postings): void {
    const { insertPosting, insertPostings } = this.#writes
    let values: number[] = []
    for (const key of Float64Array.from(lists.keys()).sort()) {
      const { termId, role } = termOf(key)
      for (const leafIndex of lists.get(key)!) {
        values.push(termId, role, leafIndex)
        if (values.length < 3 * INSERT_ROWS) continue
        insertPostings.run(values)
        values = []
      }
    }
    for (let at = 0; at < values.length; at += 3) insertPosting.run(values.slice(at, at + 3))
  }

  /** Removes all of a record. */
  remove(leafIndex: LeafIndex): void {
    const row = this.#reads.readTerms.get(leafIndex) as TermsRow | undefined
    assertInvariant(row !== undefined, `record ${leafIndex} is not indexed`)
    const keys = [...columnKeys(row), ...unpackKeys(blob(row.facts))]
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

  #columns(record: IndexRecord): Columns & { readonly contentType: number | null } {
    const { issuer, subject, signer, contentType, envelope, description } = record
    const term = (field: string, text: string | undefined): number | null =>
      text === undefined ? null : this.#terms.term(field, text)
    return {
      kind: this.#terms.term(FIELD.kind, description.kind),
      type: this.#terms.term(FIELD.type, description.type),
      issuer: term(FIELD.issuer, issuer),
      subject: term(FIELD.subject, subject),
      signer: term(FIELD.signer, signer),
      contentType: term(FIELD.contentType, contentType),
      envelope: term(FIELD.envelope, envelope?.digest),
    }
  }

  /** Keys of digests and attributes, ascending, each once. */
  #facts({ description }: IndexRecord): number[] {
    const keys = new Set<number>()
    for (const { role, algorithm, value } of description.digests) {
      const termId = this.#terms.term(...digestTerm(algorithm, value))
      keys.add(factKey(termId, roleNumber(role)))
    }
    for (const { name, value } of description.attributes) {
      keys.add(factKey(this.#terms.term(attributeField(name), value)))
      if (name !== 'measurement') continue
      // Found by the value alone, too; index-rows.ts does not show it a second time.
      keys.add(factKey(this.#terms.term(BARE_MEASUREMENT, splitNamed(value).value)))
    }
    return [...keys].sort((a, b) => a - b)
  }
}

function columnKeys({ kind, type, issuer, subject, signer, envelope }: Columns): number[] {
  return [kind, type, issuer, subject, signer, envelope]
    .filter((termId) => termId !== null)
    .map((termId) => factKey(termId))
}
