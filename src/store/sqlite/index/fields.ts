/** The fields of the index, and keys of their values. Names of fields are our code's: few, and remembered. */
import { InvariantError } from '../../../errors.ts'
import { ROLE_COUNT } from './facts.ts'
import type { Fact } from './facts.ts'
import type { IndexReads } from './reads.ts'

/** The key by which a value is found in a role. */
export function postingKey(hash: number, role: number): number {
  return hash * ROLE_COUNT + role
}

export function hashOf(key: number): number {
  return Math.floor(key / ROLE_COUNT)
}

export class IndexFields {
  readonly #reads: IndexReads
  readonly #ids = new Map<string, number>()
  readonly #names = new Map<number, string>()

  constructor(reads: IndexReads) {
    this.#reads = reads
  }

  /** Undefined for a field that no statement has a value of. */
  id(name: string): number | undefined {
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const found = this.#reads.findField.get(name) as number | undefined
    if (found !== undefined) this.#ids.set(name, found)
    return found
  }

  name(id: number): string {
    const known = this.#names.get(id)
    if (known !== undefined) return known
    const name = this.#reads.readField.get(id)
    if (typeof name !== 'string') throw new InvariantError(`field ${id} is not in the index`)
    this.#names.set(id, name)
    return name
  }

  /** The key that a fact is found by; undefined when no statement has a value of its field. */
  keyOf({ field, role, text }: Fact): number | undefined {
    const id = this.id(field)
    return id === undefined ? undefined : postingKey(this.#reads.hashOf(id, text), role)
  }
}
