/**
 * An index in memory that looks at every record for every question: for tests and demonstrations,
 * and the linear scan that the other adapters are held equal to.
 */
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import { assertInvariant } from '../../errors.ts'
import { ENVELOPES_MAX, summarize } from '../../log/index-store.ts'
import type {
  FoundRecords,
  IndexQuery,
  IndexReader,
  IndexRecord,
  IndexState,
  IndexWriter,
  QueryAnswer,
} from '../../log/index-store.ts'
import { splitNamed } from '../../payload/description.ts'
import type { DescribedAttribute } from '../../payload/description.ts'
import { isSvnBelow } from '../../payload/tee/svn-order.ts'

export class MemoryIndex implements IndexReader, IndexWriter {
  readonly #records: IndexRecord[] = []
  readonly #listeners = new Set<(treeSize: TreeSize) => void>()
  readonly #failure: string | undefined

  /** @param failure why it stays as it is, when it does. */
  constructor(failure?: string) {
    this.#failure = failure
  }

  async readState(): Promise<IndexState> {
    const failure = this.#failure === undefined ? {} : { failure: this.#failure }
    return { treeSize: this.#treeSize, ...failure }
  }

  async query(query: IndexQuery): Promise<QueryAnswer> {
    const found = this.#records.filter((record) => matches(record, query))
    if (query.order === 'descending') found.reverse()
    const page = found.slice(0, query.limit)
    const last = page.at(-1)?.leafIndex
    const answer = { treeSize: this.#treeSize, statements: page.map(summarize) }
    if (last === undefined || found.length === page.length) return answer
    return { ...answer, next: query.order === 'descending' ? last : last + 1 }
  }

  async findRecords(leafIndexes: readonly LeafIndex[]): Promise<FoundRecords> {
    const asked = new Set<number>(leafIndexes)
    const records = this.#records.filter(({ leafIndex }) => asked.has(leafIndex))
    return { treeSize: this.#treeSize, records }
  }

  follow(listener: (treeSize: TreeSize) => void): () => void {
    // A function of its own, so that following twice is told twice.
    const tell = (treeSize: TreeSize): void => listener(treeSize)
    this.#listeners.add(tell)
    return () => this.#listeners.delete(tell)
  }

  async findEnvelopes(digest: string, from = 0): Promise<readonly LeafIndex[]> {
    return this.#records
      .filter(({ leafIndex, envelope }) => leafIndex >= from && envelope?.digest === digest)
      .slice(0, ENVELOPES_MAX)
      .map(({ leafIndex }) => leafIndex)
  }

  async listAbsentPreimages(limit: number, after = ''): Promise<readonly string[]> {
    const absent = this.#records.flatMap(({ envelope }) =>
      envelope?.preimage === 'absent' ? [envelope.digest] : [],
    )
    return [...new Set(absent)]
      .filter((digest) => digest > after)
      .sort()
      .slice(0, limit)
  }

  async append(records: readonly IndexRecord[]): Promise<void> {
    records.forEach(({ leafIndex }, at) =>
      assertInvariant(leafIndex === this.#records.length + at, `record ${leafIndex} leaves a gap`),
    )
    this.#records.push(...records)
    for (const listener of this.#listeners) listener(this.#treeSize)
  }

  async replace(records: readonly IndexRecord[]): Promise<void> {
    for (const record of records) {
      const { leafIndex } = record
      assertInvariant(leafIndex < this.#records.length, `record ${leafIndex} is not indexed`)
      this.#records[leafIndex] = record
    }
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  get #treeSize(): TreeSize {
    return this.#records.length as TreeSize
  }
}

function matches(record: IndexRecord, query: IndexQuery): boolean {
  const { description } = record
  const { digest, roles, attributes = [], numbers = [], svnsBelow = [] } = query
  const named = ['issuer', 'subject', 'signer'] as const
  return (
    named.every((name) => query[name] === undefined || query[name] === record[name]) &&
    (query.kind === undefined || query.kind === description.kind) &&
    (query.type === undefined || query.type === description.type) &&
    isInRange(record.registrationTime, query.registeredFrom, query.registeredTo) &&
    isInRange(record.leafIndex, query.indexFrom) &&
    record.leafIndex < (query.indexBelow ?? Number.POSITIVE_INFINITY) &&
    (digest === undefined ||
      description.digests.some(
        ({ role, algorithm, value }) =>
          algorithm === digest.algorithm &&
          value === digest.value &&
          (roles ?? [role]).includes(role),
      )) &&
    attributes.every((wanted) =>
      description.attributes.some((attribute) => isAsked(attribute, wanted)),
    ) &&
    svnsBelow.every((limit) =>
      description.attributes.some((attribute) => {
        const { name, value } = splitNamed(attribute.value)
        const isNamed = attribute.name === 'tcb-svn' && name === limit.name
        return isNamed && isSvnBelow(name, value, limit.value)
      }),
    ) &&
    numbers.every((wanted) =>
      description.numbers.some(
        ({ name, value }) =>
          name === wanted.name && isInRange(value, wanted.atLeast, wanted.atMost),
      ),
    )
  )
}

function isAsked(has: DescribedAttribute, wanted: DescribedAttribute): boolean {
  if (has.name !== wanted.name) return false
  if (has.value === wanted.value) return true
  return has.name === 'measurement' && splitNamed(has.value).value === wanted.value
}

function isInRange(
  value: number,
  atLeast = Number.NEGATIVE_INFINITY,
  atMost = Number.POSITIVE_INFINITY,
): boolean {
  return atLeast <= value && value <= atMost
}
