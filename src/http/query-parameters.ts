/**
 * The query part of a URL, read by name: every parameter has to be known and is given once, unless it
 * may be repeated. A misspelt filter must never look like an answer to the whole question.
 */
import { InputError } from '../errors.ts'

/** Longest value: no attribute, subject or type that is indexed is longer. */
const VALUE_LENGTH_MAX = 8192
const PARAMETERS_MAX = 64

/** The parameters of one request. */
export class QueryParameters {
  readonly #values = new Map<string, string[]>()

  /**
   * @param url as the request line has it.
   * @param known names that the resource reads.
   * @throws InputError `ERR_REQUEST` that names the parameter.
   */
  constructor(url: string, known: ReadonlySet<string>) {
    const at = url.indexOf('?')
    const parameters = [...new URLSearchParams(at < 0 ? '' : url.slice(at + 1))]
    if (parameters.length > PARAMETERS_MAX) refuse(`more than ${PARAMETERS_MAX} parameters`)
    for (const [name, value] of parameters) {
      if (!known.has(name)) refuse(`there is no parameter ${JSON.stringify(name.slice(0, 100))}`)
      if (value === '') refuse(`${name} is empty`)
      if (value.length > VALUE_LENGTH_MAX) refuse(`${name} is longer than ${VALUE_LENGTH_MAX}`)
      this.#values.set(name, [...(this.#values.get(name) ?? []), value])
    }
  }

  /** All values of a parameter that may be repeated. */
  many(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** @throws InputError `ERR_REQUEST` when it is given twice. */
  one(name: string): string | undefined {
    const values = this.many(name)
    if (values.length > 1) refuse(`${name} is given ${values.length} times`)
    return values[0]
  }

  /** One of a few words. @throws InputError `ERR_REQUEST`. */
  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.one(name)
    if (value === undefined || words.includes(value as Word)) return value as Word | undefined
    return refuse(`${name} is one of ${words.join(', ')}`)
  }

  /** A whole number. @throws InputError `ERR_REQUEST`. */
  integer(name: string, range: { readonly min: number; readonly max: number }): number | undefined {
    const value = this.one(name)
    if (value === undefined) return undefined
    const number = /^-?[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN
    if (number >= range.min && number <= range.max) return number
    return refuse(`${name} is a whole number from ${range.min} to ${range.max}`)
  }

  /** A decimal number. @throws InputError `ERR_REQUEST`. */
  decimal(name: string): number | undefined {
    const value = this.one(name)
    if (value === undefined) return undefined
    return /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/.test(value)
      ? Number(value)
      : refuse(`${name} is a decimal number`)
  }

  /** Everything that decides which answer this is, but for some names; the same for any order. */
  fingerprint(without: readonly string[]): string {
    return [...this.#values]
      .filter(([name]) => !without.includes(name))
      .flatMap(([name, values]) => values.map((value) => JSON.stringify([name, value])))
      .sort()
      .join('\n')
  }
}

/** @throws InputError `ERR_REQUEST`, always. */
export function refuse(reason: string): never {
  throw new InputError('ERR_REQUEST', `query: ${reason}`)
}
