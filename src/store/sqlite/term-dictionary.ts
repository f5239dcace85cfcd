/**
 * Numbers for values: finds a value's term, or makes one. What was used last is remembered, within a
 * bound; after a transaction that was rolled back nothing that was remembered counts.
 */
import { storedValue } from './index-facts.ts'
import { findFieldId } from './index-sql.ts'
import type { IndexReads, IndexWrites } from './index-sql.ts'

/** Values of one generation: about 10 MiB for both. */
const REMEMBERED_MAX = 50_000
/** Long texts are rare, and would make the bound one of nothing. */
const REMEMBERED_LENGTH_MAX = 256

export class TermDictionary {
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  // What was used lately, and what before that. A generation is dropped whole: a Map from which
  // single entries are deleted is slow to find its oldest one.
  #young = new Map<string, number>()
  #old = new Map<string, number>()
  readonly #fields = new Map<string, number>()
  #next: number | undefined

  constructor(reads: IndexReads, writes: IndexWrites) {
    this.#reads = reads
    this.#writes = writes
  }

  /** The term of a value, within the transaction that is open. */
  term(field: string, text: string): number {
    const fieldId = this.field(field)
    const name = `${fieldId} ${text}`
    const known = this.#young.get(name)
    if (known !== undefined) return known
    const older = this.#old.get(name)
    if (older !== undefined) return this.#remember(name, older)
    const value = storedValue(text)
    const hash = this.#reads.hashOf(fieldId, text)
    const found = this.#reads.findTerm.get(hash, fieldId, value) as number | undefined
    if (found === undefined) {
      const termId = this.#nextId()
      this.#writes.insertTerm.run(termId, fieldId, value)
      this.#writes.insertHash.run(hash, termId)
      // Most values come once: only those that come again are worth remembering.
      return termId
    }
    return text.length > REMEMBERED_LENGTH_MAX ? found : this.#remember(name, found)
  }

  /** The number of a field. Fields are few: they are named by our code, not by statements. */
  field(name: string): number {
    const known = this.#fields.get(name)
    if (known !== undefined) return known
    const fieldId =
      findFieldId(this.#reads, name) ?? Number(this.#writes.insertField.run(name).lastInsertRowid)
    this.#fields.set(name, fieldId)
    return fieldId
  }

  forget(): void {
    this.#young.clear()
    this.#old.clear()
    this.#fields.clear()
    this.#next = undefined
  }

  #nextId(): number {
    const termId = this.#next ?? ((this.#reads.lastTerm.get() as number | null) ?? 0) + 1
    this.#next = termId + 1
    return termId
  }

  #remember(name: string, termId: number): number {
    if (this.#young.size >= REMEMBERED_MAX) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, termId)
    return termId
  }
}
