/**
 * Which look-ups an audit asks, and what they must answer. Every fact of every entry is a look-up that
 * has to find the entry. Of these a number is drawn at random, evenly over the kinds of facts: those
 * with the smallest seeded hashes. So a fact that is drawn in the end was drawn at its first entry,
 * all its entries are known, and memory does not grow with the log.
 */
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { Sha256 } from '../bytes/digest.ts'
import type { QueryParameters } from '../client/query-pages.ts'
import { splitNamed } from '../payload/description.ts'
import type { DescribedAttribute, DescribedNumber, NumberName } from '../payload/description.ts'
import { canBeAskedFor } from '../payload/digest-forms.ts'
import type { EntryFacts } from '../payload/entry-facts.ts'
import { svnAbove } from '../payload/tee/svn-order.ts'

/** A look-up, and the entries that it has to find. */
export interface ExpectedLookup {
  readonly parameters: QueryParameters
  /** Ascending; the first {@link INDEXES_MAX} of them. */
  readonly indexes: readonly number[]
}

/** Entries that are kept of one look-up; it is asked up to the last of them. */
export const INDEXES_MAX = 10_000
/** A longer request line would be refused for its length. */
const URL_LENGTH_MAX = 6000

interface Drawn {
  readonly key: string
  readonly hash: number
  readonly parameters: QueryParameters
  readonly indexes: number[]
}

export class LookupSample {
  readonly #count: number
  readonly #seed: string
  readonly #sha256: Sha256
  readonly #groups = new Map<string, Group>()

  /** @param count how many look-ups to draw; Infinity for all. */
  constructor(count: number, seed: string, sha256: Sha256) {
    this.#count = count
    this.#seed = seed
    this.#sha256 = sha256
  }

  /** Adds all look-ups that have to find an entry; entries come in order. */
  add(leafIndex: number, facts: EntryFacts, registrationTime: number): void {
    this.#addAll(leafIndex, lookupsOf(facts, registrationTime))
  }

  /** Adds those by attributes that are known later than the rest; entries come in order. */
  addAttributes(leafIndex: number, attributes: readonly DescribedAttribute[]): void {
    this.#addAll(leafIndex, attributes.flatMap(attributeLookups))
  }

  #addAll(leafIndex: number, lookups: readonly Lookup[]): void {
    for (const { group, parameters } of lookups) {
      const key = new URLSearchParams(parameters).toString()
      if (key.length > URL_LENGTH_MAX) continue
      let drawn = this.#groups.get(group)
      if (drawn === undefined) this.#groups.set(group, (drawn = new Group(this.#count)))
      drawn.add(leafIndex, { key, parameters, hash: () => this.#hash(key) })
    }
  }

  /** The look-ups that were drawn, in turn from each kind of facts. */
  list(): ExpectedLookup[] {
    const groups = [...this.#groups.values()].map((group) => group.list())
    const list: ExpectedLookup[] = []
    for (let turn = 0; list.length < this.#count; turn++) {
      const round = groups.flatMap((group) => group.slice(turn, turn + 1))
      if (round.length === 0) break
      list.push(...round.slice(0, this.#count - list.length))
    }
    return list
  }

  #hash(key: string): number {
    const digest = this.#sha256(encodeUtf8(`${this.#seed} ${key}`))
    return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
  }
}

/** The `count` look-ups of one kind with the smallest hashes. */
class Group {
  readonly #count: number
  readonly #drawn = new Map<string, Drawn>()
  #greatest: Drawn | undefined

  constructor(count: number) {
    this.#count = count
  }

  add(
    leafIndex: number,
    lookup: {
      readonly key: string
      readonly parameters: QueryParameters
      readonly hash: () => number
    },
  ): void {
    const { key, parameters } = lookup
    const known = this.#drawn.get(key)
    if (known !== undefined) {
      if (known.indexes.length < INDEXES_MAX) known.indexes.push(leafIndex)
      return
    }
    if (this.#count === 0) return
    const drawn = { key, parameters, hash: lookup.hash(), indexes: [leafIndex] }
    if (this.#drawn.size >= this.#count) {
      // What was once put out of the sample stays out: the bound only falls.
      if (drawn.hash >= this.#greatest!.hash) return
      this.#drawn.delete(this.#greatest!.key)
    }
    this.#drawn.set(key, drawn)
    if (this.#drawn.size === this.#count) this.#greatest = this.#findGreatest()
  }

  list(): Drawn[] {
    return [...this.#drawn.values()].sort((a, b) => a.hash - b.hash)
  }

  #findGreatest(): Drawn {
    return [...this.#drawn.values()].reduce((a, b) => (b.hash > a.hash ? b : a))
  }
}

export interface Lookup {
  readonly group: string
  readonly parameters: Record<string, string>
}

/** Every look-up that has to find a statement. */
export function lookupsOf(
  { description, ...header }: EntryFacts,
  registrationTime: number,
): Lookup[] {
  const { digests, attributes, numbers, kind, type } = description
  const time = String(registrationTime)
  const single = {
    issuer: header.issuer,
    subject: header.subject,
    signer: header.signer,
    kind,
    type,
  }
  return [
    ...Object.entries(single).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [{ group: name, parameters: { [name]: value } }],
    ),
    { group: 'time', parameters: { registeredFrom: time, registeredTo: time } },
    ...digests
      .filter(({ algorithm, value }) => canBeAskedFor(algorithm, value))
      .map(({ role, algorithm, value }) => ({
        group: `digest ${role}`,
        parameters: { digest: `${algorithm}:${value}`, role },
      })),
    ...attributes.flatMap(attributeLookups),
    ...numbers.flatMap(numberLookups),
  ]
}

function attributeLookups({ name, value }: DescribedAttribute): Lookup[] {
  const attribute = `${name}:${value}`
  const plain = { group: `attribute ${name}`, parameters: { attribute } }
  const named = splitNamed(value)
  if (name === 'measurement' && named.value !== '') {
    return [plain, { group: 'measured value', parameters: { measurement: named.value } }]
  }
  const above = name === 'tcb-svn' ? svnAbove(named.name, named.value) : undefined
  if (above === undefined) return [plain]
  // Whoever has just this version is below the next one: the entries are those of the first look-up.
  const parameters = { attribute, tcbSvnBelow: `${named.name}:${above}` }
  return [plain, { group: 'version below', parameters }]
}

/** The two parameters that a range of a number is asked with, and what they take. */
const RANGES: Readonly<Partial<Record<NumberName, readonly [string, string, RegExp]>>> = {
  score: ['scoreMin', 'scoreMax', /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/],
  'tcb-date': ['tcbDateFrom', 'tcbDateTo', /^[0-9]{1,12}$/],
  'tcb-evaluation-number': ['tcbEvaluationMin', 'tcbEvaluationMax', /^[0-9]{1,15}$/],
  'evidence-time': ['evidenceFrom', 'evidenceTo', /^[0-9]{1,12}$/],
}

function numberLookups({ name, value }: DescribedNumber): Lookup[] {
  const text = String(value)
  const [from, to, form] = RANGES[name] ?? []
  if (from === undefined || to === undefined || form?.test(text) !== true) return []
  return [{ group: name, parameters: { [from]: text, [to]: text } }]
}
