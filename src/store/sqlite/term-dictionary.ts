/**
 * Numbers for values: finds a value's term, or makes one. All values of a transaction are asked for
 * first and settled together, because a call of SQLite costs as much as several rows. What was found
 * last is remembered, within a bound; after a transaction that was rolled back nothing that was
 * remembered counts.
 */
import { inHashOrder } from './hash-order.ts'
import { storedText, storedValue } from './index-facts.ts'
import { findFieldId, LOOK_UP_ROWS } from './index-sql.ts'
import type { IndexReads } from './index-sql.ts'
import type { IndexWrites } from './index-writes.ts'
import { RowBatch } from './row-batch.ts'

/** Values of one generation: about 10 MiB for both. */
const REMEMBERED_MAX = 50_000
/** Long texts are rare, and would make the bound one of nothing. */
const REMEMBERED_LENGTH_MAX = 256
/** No term's number: they begin at 1. */
const UNSETTLED = 0

/** A value of a field, and its number once it is settled. */
export interface Term {
  readonly fieldId: number
  readonly text: string
  /** Of field and text, as in `term_hash`. */
  readonly hash: number
  termId: number
}

/** Terms of one field by their texts. */
interface FieldTerms {
  readonly fieldId: number
  // What was used lately, and what before that. A generation is dropped whole: a Map from which
  // single entries are deleted is slow to find its oldest one.
  young: Map<string, Term>
  old: Map<string, Term>
  /** Asked for since the last settlement, and not remembered. */
  open: Map<string, Term>
}

interface TermRow {
  readonly hash: number
  readonly term_id: number
  readonly field_id: number
  readonly value: unknown
}

export class TermDictionary {
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  readonly #fields = new Map<string, FieldTerms>()
  #open: Term[] = []
  #remembered = 0
  #next: number | undefined

  constructor(reads: IndexReads, writes: IndexWrites) {
    this.#reads = reads
    this.#writes = writes
  }

  /** The term of a value; it has its number after {@link settle}. */
  term(name: string, text: string): Term {
    const field = this.#field(name)
    const known = field.young.get(text) ?? field.open.get(text)
    if (known !== undefined) return known
    const older = field.old.get(text)
    if (older !== undefined) return this.#remember(field, older)
    const { fieldId } = field
    const term = { fieldId, text, hash: this.#reads.hashOf(fieldId, text), termId: UNSETTLED }
    field.open.set(text, term)
    this.#open.push(term)
    return term
  }

  /** Gives a number to every term that was asked for, within the transaction that is open. */
  settle(): void {
    const ordered = inHashOrder(this.#open)
    for (let at = 0; at < ordered.length; at += LOOK_UP_ROWS) {
      this.#find(ordered.slice(at, at + LOOK_UP_ROWS))
    }
    const isNew = ({ termId }: Term): boolean => termId === UNSETTLED
    const made = this.#open.filter(isNew)
    const hashed = ordered.filter(isNew)
    for (const field of this.#fields.values()) {
      if (field.open.size === 0) continue
      // Most values come once: only those that come again are worth remembering.
      for (const term of field.open.values()) if (!isNew(term)) this.#remember(field, term)
      field.open = new Map()
    }
    this.#make(made, hashed)
    this.#open = []
  }

  /** The number of a field. Fields are few: they are named by our code, not by statements. */
  fieldId(name: string): number {
    return this.#field(name).fieldId
  }

  forget(): void {
    this.#fields.clear()
    this.#open = []
    this.#remembered = 0
    this.#next = undefined
  }

  #field(name: string): FieldTerms {
    const known = this.#fields.get(name)
    if (known !== undefined) return known
    const fieldId =
      findFieldId(this.#reads, name) ?? Number(this.#writes.insertField.run(name).lastInsertRowid)
    const field = { fieldId, young: new Map(), old: new Map(), open: new Map() }
    this.#fields.set(name, field)
    return field
  }

  /** Numbers of those that are stored. Few values share a hash, if any; only the value decides. */
  #find(terms: readonly Term[]): void {
    const hashes = terms.map(({ hash }) => hash)
    // A hash that is asked for twice is found once.
    while (hashes.length < LOOK_UP_ROWS) hashes.push(hashes[0]!)
    for (const row of this.#reads.findTerms.all(...hashes) as TermRow[]) {
      const term = terms.find(
        ({ hash, fieldId, text }) =>
          hash === row.hash && fieldId === row.field_id && text === storedText(row.value),
      )
      if (term !== undefined) term.termId = row.term_id
    }
  }

  /** Numbers follow the order in which terms were asked for; their hashes go in by their own order. */
  #make(terms: readonly Term[], hashed: readonly Term[]): void {
    if (terms.length === 0) return
    let next = this.#next ?? ((this.#reads.lastTerm.get() as number | null) ?? 0) + 1
    const { rowsOf } = this.#writes
    const [rows, hashes] = [new RowBatch(rowsOf.term), new RowBatch(rowsOf.term_hash)]
    for (const term of terms) {
      term.termId = next++
      rows.values.push(term.termId, term.fieldId, storedValue(term.text))
      rows.endRow()
    }
    for (const term of hashed) {
      hashes.values.push(term.hash, term.termId)
      hashes.endRow()
    }
    rows.end()
    hashes.end()
    this.#next = next
  }

  #remember(field: FieldTerms, term: Term): Term {
    if (term.text.length > REMEMBERED_LENGTH_MAX) return term
    if (++this.#remembered > REMEMBERED_MAX) {
      for (const each of this.#fields.values()) {
        each.old = each.young
        each.young = new Map()
      }
      this.#remembered = 1
    }
    field.young.set(term.text, term)
    return term
  }
}
