/** Records and queries by chance, from few values, so that filters meet often. */
import { createHash } from 'node:crypto'
import type { LeafIndex } from '../../src/bytes/integers.ts'
import type { IndexQuery, IndexRecord } from '../../src/log/index-store.ts'
import { splitNamed } from '../../src/payload/description.ts'
import type {
  AttributeName,
  DescribedAttribute,
  DescribedDigest,
  Description,
  DigestRole,
  NumberName,
  StatementKind,
} from '../../src/payload/description.ts'

export type Random = () => number

/** xorshift32: the same numbers for the same seed. */
export function seededRandom(seed: number): Random {
  let state = (seed % 0x7fffffff) + 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)]!
const maybe = <Value>(random: Random, share: number, value: () => Value): Value | undefined =>
  random() < share ? value() : undefined
const some = <Value>(random: Random, most: number, make: () => Value): Value[] =>
  Array.from({ length: Math.floor(random() * (most + 1)) }, make)

/** Without members that are undefined. */
function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

const KINDS: readonly StatementKind[] = ['provenance', 'provenance', 'vex', 'scorecard', 'opaque']
const TYPES = ['https://slsa.dev/provenance/v1', 'application/json', '', 'ünïcode/…']
const NAMES: readonly AttributeName[] = ['purl', 'builder-id', 'level', 'vulnerability']
const NUMBERS: readonly NumberName[] = ['score', 'started-on', 'tcb-date', 'evidence-time']
const SVNS = ['tee-tcb-svn', 'sgx-tcb-svn', 'pcesvn', 'odd']
const MEASUREMENTS = ['mrtd', 'rtmr0', 'component a:b']
const ROLES: readonly DigestRole[] = ['subject', 'dependency', 'evidence']
const ALGORITHMS = ['sha256', 'sha256', 'sha512', 'gitCommit', 'rot13', 'a:b']
const WORDS = ['a', 'abcd', 'ABCD', 'x y', '', 'ä', 'a\u0000b', 'pkg:npm/a@1']

/** Few values come often and many come once. */
function word(random: Random): string {
  return random() < 0.7 ? pick(random, WORDS) : String(Math.floor(random() ** 2 * 500))
}

/** Bytes of which some compare and some do not, by parts and by widths. */
function svn(random: Random): string {
  const width = random() < 0.9 ? 3 : 2
  return Array.from({ length: width }, () => `0${Math.floor(random() * 4)}`).join('')
}

/** What evidence says of itself: qualified values, and now and then one that is of no known form. */
function teeAttribute(random: Random): DescribedAttribute {
  if (random() < 0.05)
    return { name: pick(random, ['tcb-svn', 'measurement']), value: word(random) }
  return random() < 0.5
    ? { name: 'tcb-svn', value: `${pick(random, SVNS)}:${svn(random)}` }
    : { name: 'measurement', value: `${pick(random, MEASUREMENTS)}:${svn(random)}` }
}

function digestValue(random: Random): string {
  return createHash('sha256').update(word(random)).digest('hex')
}

function describeAnything(random: Random): Description {
  const unique = <Value>(values: Value[]): Value[] => [
    ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
  ]
  return {
    kind: pick(random, KINDS),
    type: pick(random, TYPES),
    digests: unique(
      some(random, 6, () => ({
        role: pick(random, ROLES),
        algorithm: pick(random, ALGORITHMS),
        value: random() < 0.9 ? digestValue(random) : word(random),
      })),
    ),
    attributes: unique([
      ...some(random, 4, () => ({ name: pick(random, NAMES), value: word(random) })),
      ...(random() < 0.4 ? some(random, 4, () => teeAttribute(random)) : []),
    ]),
    numbers: unique(
      some(random, 3, () => ({
        name: pick(random, NUMBERS),
        value: Math.floor(random() * 40) / 4,
      })),
    ),
    findings: some(random, 2, () =>
      present({
        code: pick(random, ['alias', 'level']),
        message: word(random),
        pointer: maybe(random, 0.5, () => '/a'),
      }),
    ),
  }
}

/** Records from `start` on, registered after `before`. */
export function randomRecords(
  random: Random,
  start: number,
  count: number,
  before?: IndexRecord,
): IndexRecord[] {
  let registrationTime = before?.registrationTime ?? 1_000
  return Array.from({ length: count }, (_, at) => {
    if (random() < 0.3) registrationTime += Math.floor(random() * 5)
    const leafIndex = (start + at) as LeafIndex
    return present({
      leafIndex,
      entryId: new Uint8Array(createHash('sha256').update(`${leafIndex}`).digest()),
      registrationTime,
      issuer: maybe(random, 0.9, () => word(random)),
      subject: maybe(random, 0.9, () => word(random)),
      signer: maybe(random, 0.8, () => digestValue(random)),
      contentType: maybe(random, 0.8, () => pick(random, TYPES)),
      envelope: maybe(random, 0.1, () => ({
        digest: `sha256:${digestValue(random)}`,
        preimage: pick(random, ['read', 'absent'] as const),
      })),
      description: describeAnything(random),
    })
  })
}

/** Up to four filters, most of them of values that some record has. */
export function randomQuery(random: Random, records: readonly IndexRecord[]): IndexQuery {
  const model = pick(random, records)
  const { description } = random() < 0.9 ? model : { description: describeAnything(random) }
  const share = random() < 0.5 ? 0.15 : 0.3
  const digest = pick<DescribedDigest | undefined>(random, description.digests)
  const edge = (): number => Math.floor(random() * (records.length + 2))
  return present({
    digest: maybe(
      random,
      2 * share,
      () => digest && { algorithm: digest.algorithm, value: digest.value },
    ),
    roles: maybe(random, share, () => ROLES.filter(() => random() < 0.6)),
    issuer: maybe(random, share, () => model.issuer),
    subject: maybe(random, share, () => model.subject),
    signer: maybe(random, share, () => model.signer),
    kind: maybe(random, share, () => description.kind),
    type: maybe(random, share, () => description.type),
    attributes: maybe(random, share, () =>
      description.attributes
        .filter(() => random() < 0.7)
        .map(({ name, value }) =>
          name === 'measurement' && random() < 0.5 && splitNamed(value).value !== ''
            ? { name, value: splitNamed(value).value }
            : { name, value },
        ),
    ),
    svnsBelow: maybe(random, share / 2, () =>
      some(random, 2, () => ({ name: pick(random, SVNS), value: svn(random) })),
    ),
    numbers: maybe(random, share, () =>
      some(random, 2, () =>
        present({
          name: pick(random, NUMBERS),
          atLeast: maybe(random, 0.6, () => Math.floor(random() * 40) / 4),
          atMost: maybe(random, 0.6, () => Math.floor(random() * 40) / 4),
        }),
      ),
    ),
    registeredFrom: maybe(random, share / 2, () => pick(random, records).registrationTime),
    registeredTo: maybe(random, share / 2, () => pick(random, records).registrationTime),
    indexFrom: maybe(random, share / 2, edge),
    indexBelow: maybe(random, share / 2, edge),
    order: pick(random, ['ascending', 'descending'] as const),
    limit: Math.ceil(3 ** (1 + 6 * random())),
  })
}
