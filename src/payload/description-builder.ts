/**
 * Collects what a statement says: no duplicates, digests in one form, times as seconds, and bounds
 * on what one statement may put into an index. Whatever had to be left out becomes a finding.
 */
import { decodeUtf8, encodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { canonicalAttribute } from './description.ts'
import type {
  AttributeName,
  DescribedAttribute,
  DescribedDigest,
  DescribedNumber,
  Description,
  DigestRole,
  Finding,
  NumberName,
  StatementKind,
} from './description.ts'
import { canonicalDigest, isHexDigest } from './digest-forms.ts'
import type { NamedDigest } from './digest-forms.ts'
import { asList, asObject, asText } from './json-members.ts'
import { parseRfc3339 } from './rfc3339.ts'

/** Longest attribute or digest text that is kept; a longer one would be no name to search by. */
export const VALUE_LENGTH_MAX = 4096
/** Most digests, and most attributes, of one statement. */
export const VALUES_MAX = 50_000
/** Most findings of one statement. */
const FINDINGS_MAX = 64

/** Items that are compared one by one; most statements have no more. */
const FEW_ITEMS = 32

/** Items in order, each once: few are compared one by one, of more there is a set of keys. */
class Different<Item> {
  readonly items: Item[] = []
  readonly #isSame: (a: Item, b: Item) => boolean
  readonly #keyOf: (item: Item) => string
  #keys: Set<string> | undefined

  /** @param keyOf texts that are equal for items that are the same, and for no others. */
  constructor(isSame: (a: Item, b: Item) => boolean, keyOf: (item: Item) => string) {
    this.#isSame = isSame
    this.#keyOf = keyOf
  }

  add(item: Item): void {
    if (this.items.length < FEW_ITEMS) {
      for (const each of this.items) if (this.#isSame(each, item)) return
      this.items.push(item)
      return
    }
    this.#keys ??= new Set(this.items.map(this.#keyOf))
    const key = this.#keyOf(item)
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    this.items.push(item)
  }
}

const isSameDigest = (a: DescribedDigest, b: DescribedDigest): boolean =>
  a.value === b.value && a.role === b.role && a.algorithm === b.algorithm
const digestKey = ({ role, algorithm, value }: DescribedDigest): string =>
  `${role} ${algorithm.length} ${algorithm} ${value}`
const isSameNamed = <Named extends { readonly name: string; readonly value: unknown }>(
  a: Named,
  b: Named,
): boolean => a.value === b.value && a.name === b.name
const namedKey = ({ name, value }: DescribedAttribute | DescribedNumber): string =>
  `${name} ${value}`

export class DescriptionBuilder {
  readonly #digests = new Different<DescribedDigest>(isSameDigest, digestKey)
  readonly #attributes = new Different<DescribedAttribute>(isSameNamed, namedKey)
  readonly #numbers = new Different<DescribedNumber>(isSameNamed, namedKey)
  readonly #findings = new Map<string, Finding>()

  /** Adds a digest; of a known hash its name is written as in-toto does, and hex in lower case. */
  digest(role: DigestRole, name: string, value: string): this {
    return this.#addDigest(role, canonicalDigest(name, value))
  }

  /** Adds all of an in-toto DigestSet, e.g. `{"sha256": "…", "gitCommit": "…"}`; else nothing. */
  digestSet(role: DigestRole, set: unknown, pointer?: string): this {
    for (const [name, value] of Object.entries(asObject(set) ?? {})) {
      if (typeof value !== 'string') continue
      const digest = canonicalDigest(name, value)
      if (isHexDigest(digest.algorithm, digest.value) === false) {
        this.finding('digest-form', `the ${name} digest is not of its length in hex`, pointer)
      }
      this.#addDigest(role, digest)
    }
    return this
  }

  /** Adds the digests of a list of in-toto ResourceDescriptors. */
  descriptors(role: DigestRole, list: unknown, pointer?: string): this {
    asList(list).forEach((item, at) => {
      const where = pointer === undefined ? undefined : `${pointer}/${at}`
      this.digestSet(role, asObject(item)?.['digest'], where)
    })
    return this
  }

  /** Adds an attribute in its {@link canonicalAttribute} form; anything else than a non-empty text is nothing. */
  attribute(name: AttributeName, value: unknown): this {
    const text = canonicalAttribute(name, wellFormed(asText(value) ?? ''))
    if (text === '' || !this.#fits(this.#attributes.items.length, text)) return this
    this.#attributes.add({ name, value: text })
    return this
  }

  /** Adds an attribute `purl` when the text is a package URL. */
  purl(value: unknown): this {
    const text = asText(value)
    return text !== undefined && /^pkg:/i.test(text) ? this.attribute('purl', text) : this
  }

  /** Adds a number; anything else than a finite number is nothing. */
  number(name: NumberName, value: unknown): this {
    if (typeof value === 'number' && Number.isFinite(value)) {
      this.#numbers.add({ name, value })
    }
    return this
  }

  /** Adds an RFC 3339 time as seconds since 1970; a text that is none is nothing. */
  time(name: NumberName, value: unknown): this {
    const text = asText(value)
    if (text === undefined) return this
    try {
      return this.number(name, Math.floor(parseRfc3339(text, name) / 1000))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      return this
    }
  }

  finding(code: string, message: string, pointer?: string): this {
    if (this.#findings.size >= FINDINGS_MAX) return this
    const where = pointer === undefined ? {} : { pointer: wellFormed(pointer) }
    const found = { code, message: wellFormed(message), ...where }
    this.#findings.set(`${code} ${pointer ?? ''}`, found)
    return this
  }

  /** Adds everything that was collected elsewhere. */
  add(parts: Omit<Description, 'kind' | 'type'>): this {
    for (const { role, algorithm, value } of parts.digests) this.digest(role, algorithm, value)
    for (const { name, value } of parts.attributes) this.attribute(name, value)
    for (const { name, value } of parts.numbers) this.number(name, value)
    for (const { code, message, pointer } of parts.findings) this.finding(code, message, pointer)
    return this
  }

  /** Everything collected, under its kind and type. */
  build(kind: StatementKind, type: string): Description {
    return {
      kind,
      type: wellFormed(type),
      digests: [...this.#digests.items],
      attributes: [...this.#attributes.items],
      numbers: [...this.#numbers.items],
      findings: [...this.#findings.values()],
    }
  }

  #addDigest(role: DigestRole, { algorithm, value }: NamedDigest): this {
    const text = wellFormed(value)
    if (text === '' || !this.#fits(this.#digests.items.length, text)) return this
    this.#digests.add({ role, algorithm: wellFormed(algorithm), value: text })
    return this
  }

  #fits(count: number, text: string): boolean {
    if (text.length > VALUE_LENGTH_MAX) {
      this.finding(
        'value-too-long',
        `a text of more than ${VALUE_LENGTH_MAX} characters is left out`,
      )
      return false
    }
    if (count < VALUES_MAX) return true
    this.finding('truncated', `more than ${VALUES_MAX} values; the rest is left out`)
    return false
  }
}

/** JSON can name half of a surrogate pair. No table and no UTF-8 can hold it: it is written U+FFFD. */
function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? decodeUtf8(encodeUtf8(text)) : text
}
