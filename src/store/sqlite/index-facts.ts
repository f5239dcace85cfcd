/**
 * How values and facts lie in the tables of the index: hex as bytes, known digest algorithms as
 * fields of their own, and the facts of a statement as one packed list of keys.
 */
import { InvariantError } from '../../errors.ts'
import type { DigestRole } from '../../payload/description.ts'

/** Role 0 is "says"; the others are roles of digests. */
export const ROLES: readonly (DigestRole | undefined)[] = [
  undefined,
  'subject',
  'dependency',
  'evidence',
]
const ROLE_COUNT = ROLES.length

/** A term in a role, as one number. */
export function factKey(termId: number, role = 0): number {
  return termId * ROLE_COUNT + role
}

export function termOf(key: number): { readonly termId: number; readonly role: number } {
  const termId = Math.floor(key / ROLE_COUNT)
  return { termId, role: key - termId * ROLE_COUNT }
}

export function roleNumber(role: DigestRole): number {
  return ROLES.indexOf(role)
}

const OTHER_DIGEST = 'digest'
const DIGEST_PREFIX = 'digest:'
/** Algorithms that have a field; whatever else a statement names shares one. */
const DIGEST_FIELDS: ReadonlyMap<string, string> = new Map(
  [
    ...['sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'md5'],
    ...['gitCommit', 'gitTree', 'gitBlob', 'gitTag', 'dirHash'],
  ].map((algorithm) => [algorithm, DIGEST_PREFIX + algorithm]),
)

/** Field and text of a digest in the dictionary. */
export function digestTerm(algorithm: string, value: string): readonly [string, string] {
  const field = DIGEST_FIELDS.get(algorithm)
  return field === undefined
    ? [OTHER_DIGEST, `${algorithm.length}:${algorithm}${value}`]
    : [field, value]
}

/** Field of measurements without their names. */
export const BARE_MEASUREMENT = 'measured'

/** The digest that {@link digestTerm} made these of. */
export function digestOf(field: string, text: string): readonly [string, string] {
  if (field !== OTHER_DIGEST) return [field.slice(DIGEST_PREFIX.length), text]
  const start = text.indexOf(':') + 1
  const end = start + Number(text.slice(0, start - 1))
  return [text.slice(start, end), text.slice(end)]
}

const HEX = /^(?:[0-9a-f]{2})+$/

/** A text as it is stored: half as long where it is hex. */
export function storedValue(text: string): string | Uint8Array {
  return HEX.test(text) ? Buffer.from(text, 'hex') : text
}

export function storedText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  throw new InvariantError('a stored term is neither a text nor bytes')
}

/**
 * Bytes as they are bound best: a small typed array has no memory outside of V8's heap until a binding
 * asks for it, which costs more than this copy into Node's pool.
 */
export function storedBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes)
}

/** Of a number below 2^53. */
const KEY_BYTES_MAX = 8

/** Ascending keys, each once, as differences in LEB128. Those that come twice follow each other. */
export function packKeys(keys: Float64Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(keys.length * KEY_BYTES_MAX)
  let [at, last] = [0, -1]
  for (const key of keys) {
    if (key === last) continue
    let rest = key - Math.max(last, 0)
    last = key
    while (rest >= 128) {
      const next = Math.floor(rest / 128)
      bytes[at++] = rest - 128 * next + 128
      rest = next
    }
    bytes[at++] = rest
  }
  return bytes.subarray(0, at)
}

export function unpackKeys(packed: Uint8Array): number[] {
  const keys: number[] = []
  let [last, value, weight] = [0, 0, 1]
  for (const byte of packed) {
    value += (byte % 128) * weight
    weight *= 128
    if (byte >= 128) continue
    last += value
    keys.push(last)
    ;[value, weight] = [0, 1]
  }
  return keys
}
