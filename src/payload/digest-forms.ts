/**
 * Digests as in-toto writes them (statements.md §3.1): hex of a known length where the algorithm is a
 * hash we know, text otherwise (`dirHash`, `arn`, `gce_image_id`).
 */

/** Hex digits by algorithm, as in-toto spells it. */
const HEX_DIGITS: ReadonlyMap<string, readonly number[]> = new Map([
  ['md5', [32]],
  ['sha1', [40]],
  ['sha224', [56]],
  ['sha256', [64]],
  ['sha384', [96]],
  ['sha512', [128]],
  ['gitCommit', [40, 64]],
  ['gitTree', [40, 64]],
  ['gitBlob', [40, 64]],
  ['gitTag', [40, 64]],
])

const SPELLINGS: ReadonlyMap<string, string> = new Map(
  [...HEX_DIGITS.keys()].map((algorithm) => [algorithm.toLowerCase(), algorithm]),
)

/** Lengths in hex digits that the algorithm has, or `undefined` for one whose values are text. */
export function hexLengths(algorithm: string): readonly number[] | undefined {
  return HEX_DIGITS.get(algorithm)
}

/** Whether `value` is lower-case hex as the algorithm demands; `undefined` when it demands nothing. */
export function isHexDigest(algorithm: string, value: string): boolean | undefined {
  const lengths = HEX_DIGITS.get(algorithm)
  if (lengths === undefined) return undefined
  return lengths.includes(value.length) && /^[0-9a-f]+$/.test(value)
}

/** A digest by its algorithm. */
export interface NamedDigest {
  readonly algorithm: string
  readonly value: string
}

/**
 * A digest as it is kept and asked for: of a hash we know, the name as in-toto spells it (`sha256` for `SHA256`
 * and `SHA-256`) and hex in lower case. Everything else is as it is written.
 */
export function canonicalDigest(name: string, value: string): NamedDigest {
  const algorithm = canonicalAlgorithm(name)
  const lower = value.toLowerCase()
  return { algorithm, value: isHexDigest(algorithm, lower) === true ? lower : value }
}

function canonicalAlgorithm(name: string): string {
  if (HEX_DIGITS.has(name)) return name
  return SPELLINGS.get(name.toLowerCase().replace(/^(sha|md)-/, '$1')) ?? name
}

/** Algorithms that a look-up can name: `algorithm:value` is split at its first colon. */
const ALGORITHM = /^[A-Za-z0-9][A-Za-z0-9._+/-]{0,63}$/

/**
 * Whether a look-up can ask for a digest: its algorithm has a name, and the value its length. Publishers
 * write others, too; they are shown, and equal nothing.
 */
export function canBeAskedFor(algorithm: string, value: string): boolean {
  return ALGORITHM.test(algorithm) && value !== '' && isHexDigest(algorithm, value) !== false
}
