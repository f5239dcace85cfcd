/**
 * Writes what the tables of the index keep of records, and takes it away again. Whatever a statement
 * is found by goes where the tables end, in runs of its own transaction (design D9, ADR 0040).
 */
import { decodeHex } from '../../../bytes/hex.ts'
import type { LeafIndex } from '../../../bytes/integers.ts'
import { assertInvariant } from '../../../errors.ts'
import type { IndexRecord } from '../../../log/index-store.ts'
import { splitNamed } from '../../../payload/description.ts'
import { isSvnHex } from '../../../payload/tee/svn-order.ts'
import { FactListBuilder } from './fact-list.ts'
import { factsOf, numberField, SAYS, searchedBy, svnField } from './facts.ts'
import { IndexFields, postingKey } from './fields.ts'
import { IndexRows } from './rows.ts'
import type { IndexReads } from './reads.ts'
import type { IndexWrites } from './writes.ts'
import { KnownValues } from './known-values.ts'
import { PLACES, PostingBatch } from './posting-batch.ts'
import { PostingEdits } from './posting-edits.ts'
import { readRuns } from './posting-runs.ts'
import { RowBatch, storedBytes } from './row-batch.ts'
import { appendRun } from './run-merge.ts'

export class IndexRowWriter {
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  readonly #fields: IndexFields
  readonly #values: KnownValues
  readonly #rows: IndexRows
  readonly #postings = new PostingBatch()
  #facts = new FactListBuilder()

  constructor(reads: IndexReads, writes: IndexWrites) {
    this.#reads = reads
    this.#writes = writes
    this.#fields = new IndexFields(reads)
    this.#values = new KnownValues(reads, writes, this.#fields)
    this.#rows = new IndexRows(reads, this.#fields)
  }

  get fields(): IndexFields {
    return this.#fields
  }

  /** After a transaction that was rolled back. */
  forget(): void {
    this.#values.forget()
    this.#postings.clear()
    // With half a statement in it, if a value could not be written.
    this.#facts = new FactListBuilder()
  }

  /** Adds records that follow each other, and those that are stored. */
  append(records: readonly IndexRecord[]): void {
    for (let at = 0; at < records.length; at += PLACES) {
      this.#appendRun(records.slice(at, at + PLACES))
    }
  }

  /** Writes records anew that are stored, whatever they said. */
  replace(records: readonly IndexRecord[], treeSize: number): void {
    const edits = new PostingEdits(this.#reads, this.#writes)
    const keysBefore = records.map(({ leafIndex }) => {
      const before = this.#rows.read(leafIndex)
      assertInvariant(before !== undefined, `record ${leafIndex} is not indexed`)
      this.#remove(leafIndex)
      return new Set(before.facts.flatMap(searchedBy).map((fact) => this.#fields.keyOf(fact)!))
    })
    const keysAfter = records.map(() => new Set<number>())
    this.#insertRows(records, (key, place) => keysAfter[place]!.add(key))
    for (const [place, { leafIndex }] of records.entries()) {
      edits.change(leafIndex, keysBefore[place]!, keysAfter[place]!)
    }
    edits.apply(readRuns(this.#reads, treeSize))
  }

  #appendRun(records: readonly IndexRecord[]): void {
    this.#insertRows(records, (key, place) => this.#postings.add(key, place))
    const range = { first: records[0]!.leafIndex, end: records.at(-1)!.leafIndex + 1 }
    appendRun(this.#reads, this.#writes, range, this.#postings)
  }

  /** @param find is told every key that a statement is found by, and its place among these. */
  #insertRows(records: readonly IndexRecord[], find: (key: number, place: number) => void): void {
    const { rowsOf } = this.#writes
    const statements = new RowBatch(rowsOf.statement)
    const numbers = new RowBatch(rowsOf.number)
    const svns = new RowBatch(rowsOf.svn)
    for (const [place, record] of records.entries()) {
      const { leafIndex, entryId, registrationTime, envelope, description } = record
      const { findings } = description
      const absent = envelope?.preimage === 'absent' ? envelope.digest : null
      statements.values.push(leafIndex, storedBytes(entryId), registrationTime, absent)
      statements.values.push(this.#packFacts(record, place, find))
      statements.values.push(findings.length === 0 ? null : JSON.stringify(findings))
      statements.endRow()
      this.#addNumbers(record, numbers)
      this.#addSvns(record, svns)
    }
    for (const rows of [statements, numbers, svns]) rows.end()
  }

  #packFacts(
    record: IndexRecord,
    place: number,
    find: (key: number, place: number) => void,
  ): Uint8Array {
    const [values, facts] = [this.#values, this.#facts]
    for (const fact of factsOf(record)) {
      const { field, role, text } = fact
      const fieldId = values.fieldId(field)
      // Digests take little room, and most of them come once.
      const known = role === SAYS ? values.meet(field, text) : undefined
      if (known?.sharedId === undefined) facts.addText(fieldId, role, text)
      else facts.addShared(fieldId, role, known.sharedId)
      for (const searched of searchedBy(fact)) {
        const hash = searched === fact ? known?.hash : undefined
        find(postingKey(hash ?? values.hashOf(searched.field, searched.text), role), place)
      }
    }
    return this.#facts.end()
  }

  #addNumbers({ description, leafIndex }: IndexRecord, rows: RowBatch): void {
    const { numbers } = description
    if (numbers.length === 0) return
    const different = new Map(numbers.map((each) => [`${each.name} ${each.value}`, each]))
    for (const { name, value } of different.values()) {
      rows.values.push(this.#values.fieldId(numberField(name)), leafIndex, value)
      rows.endRow()
    }
  }

  #addSvns({ description, leafIndex }: IndexRecord, rows: RowBatch): void {
    const svns = description.attributes.filter(({ name }) => name === 'tcb-svn')
    for (const text of new Set(svns.map(({ value }) => value))) {
      const { name, value } = splitNamed(text)
      if (name === '' || !isSvnHex(value)) continue
      rows.values.push(this.#values.fieldId(svnField(name)), leafIndex, decodeHex(value))
      rows.endRow()
    }
  }

  /** Removes the rows of a record, but no postings. */
  #remove(leafIndex: LeafIndex): void {
    for (const field of this.#reads.numberFields.all() as { readonly field_id: number }[]) {
      this.#writes.deleteNumbers.run(field.field_id, leafIndex)
    }
    for (const field of this.#reads.svnFields.all() as { readonly field_id: number }[]) {
      this.#writes.deleteSvns.run(field.field_id, leafIndex)
    }
    this.#writes.deleteStatement.run(leafIndex)
  }
}
