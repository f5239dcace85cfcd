/**
 * What the writer of the index knows of values that come again and again: their hashes, and the number
 * that a row has instead of the text. Rows of the first statement with a value have the text, so values
 * that come once are stored nowhere else.
 */
import type { IndexFields } from './fields.ts'
import type { IndexReads } from './reads.ts'
import type { IndexWrites } from './writes.ts'

/** Values that are remembered of one field; it begins anew when they are more. */
const FIELD_VALUES_MAX = 1024
/** Longer texts are rare, and would make the bound one of nothing. */
const LENGTH_MAX = 256

export interface KnownValue {
  readonly hash: number
  /** In `shared_value`; undefined for one that was met for the first time. */
  sharedId: number | undefined
}

interface FieldValues {
  readonly fieldId: number
  readonly values: Map<string, KnownValue>
}

export class KnownValues {
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  readonly #fields: IndexFields
  readonly #known = new Map<string, FieldValues>()

  constructor(reads: IndexReads, writes: IndexWrites, fields: IndexFields) {
    this.#reads = reads
    this.#writes = writes
    this.#fields = fields
  }

  /** The number of a field, a new one if need be. */
  fieldId(name: string): number {
    return this.#field(name).fieldId
  }

  hashOf(field: string, text: string): number {
    return this.#reads.hashOf(this.fieldId(field), text)
  }

  /** Meets a value. */
  meet(field: string, text: string): Readonly<KnownValue> {
    const { fieldId, values } = this.#field(field)
    const known = values.get(text)
    if (known !== undefined) {
      known.sharedId ??= Number(this.#writes.insertSharedValue.run(text).lastInsertRowid)
      return known
    }
    const value = { hash: this.#reads.hashOf(fieldId, text), sharedId: undefined }
    if (text.length <= LENGTH_MAX) {
      if (values.size === FIELD_VALUES_MAX) values.clear()
      values.set(text, value)
    }
    return value
  }

  /** After a transaction that was rolled back. */
  forget(): void {
    this.#known.clear()
  }

  #field(name: string): FieldValues {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const fieldId =
      this.#fields.id(name) ?? Number(this.#writes.insertField.run(name).lastInsertRowid)
    const field = { fieldId, values: new Map() }
    this.#known.set(name, field)
    return field
  }
}
