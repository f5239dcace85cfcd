/**
 * When a security version is below another of the same name, as whoever fixed a flaw means it. Names of
 * parts that a vendor counts each by itself (Intel's sixteen components, AMD's four or five) are below
 * as soon as one part is: a platform fits a level only when no part is. Names of one number (`pcesvn`,
 * `isvsvn`, `qe-isvsvn`) compare as numbers. Values of another width belong to another generation of
 * platforms and are never below.
 */

/** Names whose bytes are one number, the most significant first. */
const NUMBERS: ReadonlySet<string> = new Set(['pcesvn', 'isvsvn', 'qe-isvsvn'])
/** Bytes 0 and 1 are the minor and major version of the TDX module (statements.md §5.1, step 7). */
const MODULES: ReadonlySet<string> = new Set(['tee-tcb-svn', 'tee-tcb-svn2'])

const HEX = /^(?:[0-9a-f]{2}){1,64}$/

/** True for what can be compared: whole bytes of lower-case hex. */
export function isSvnHex(text: string): boolean {
  return HEX.test(text)
}

/** The bytes of such hex, as numbers. */
function bytesOf(hex: string): number[] {
  return (hex.match(/../g) ?? []).map((byte) => Number(`0x${byte}`))
}

/** A version that `value` is below, by as little as there is; undefined when nothing is above it. */
export function svnAbove(name: string, value: string): string | undefined {
  if (!isSvnHex(value)) return undefined
  const bytes = bytesOf(value)
  const canRise = bytes.map((byte) => byte < 0xff)
  const at = NUMBERS.has(name) ? canRise.lastIndexOf(true) : canRise.indexOf(true)
  if (at < 0) return undefined
  const raised = bytes.map((byte, place) => {
    if (place === at) return byte + 1
    return NUMBERS.has(name) && place > at ? 0 : byte
  })
  return raised.map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * True when `value` is below `limit`, both lower-case hex of the security version called `name`.
 * Of a TDX module the minor version counts only beside the same major version.
 */
export function isSvnBelow(name: string, value: string, limit: string): boolean {
  if (value.length !== limit.length || !isSvnHex(value) || !isSvnHex(limit)) return false
  if (NUMBERS.has(name)) return value < limit
  const [has, least] = [bytesOf(value), bytesOf(limit)]
  const isOtherModule = MODULES.has(name) && has[1] !== least[1]
  return has.some((part, at) => part < least[at]! && !(isOtherModule && at === 0))
}
