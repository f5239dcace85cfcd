/**
 * Names of content in the entries that this process registered last. Uploads are let in by them before
 * the index has the entries, and where there is no index.
 */
import { formatPayloadName, payloadNameOf } from '../statement/payload-name.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'

/** The last names in registered entries; the oldest is forgotten. */
export class NamedPayloads {
  readonly #names = new Set<string>()
  readonly #max: number

  constructor(max = 16_384) {
    this.#max = max
  }

  /** Takes the name in a registered statement, if it is a hash envelope. */
  add(statement: SignedStatement): void {
    const name = payloadNameOf(statement)
    if (name === undefined) return
    const text = formatPayloadName(name)
    this.#names.delete(text)
    this.#names.add(text)
    if (this.#names.size <= this.#max) return
    const [oldest] = this.#names
    this.#names.delete(oldest!)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }
}
