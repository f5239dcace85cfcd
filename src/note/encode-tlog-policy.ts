/**
 * Writes a C2SP tlog-policy that parses back. What we emit is also read by parsers that cut lines at any `#`.
 */
import { encodeOctets } from './policy-octets.ts'
import { parseTlogPolicy, refused } from './tlog-policy.ts'
import type { TlogPolicy } from './tlog-policy.ts'
import { encodeVerifierKey } from './verifier-key.ts'

/**
 * A policy file without comments. Thresholds are written as numbers.
 * @throws InputError `ERR_TRUST_CONFIGURATION` for a policy that does not parse back, and for a `#`.
 */
export function encodeTlogPolicy(policy: TlogPolicy): Uint8Array {
  const lines = [
    ...policy.logs.map(({ key, url }) => ['log', encodeVerifierKey(key), url]),
    ...policy.witnesses.map(({ name, key, url }) => ['witness', name, encodeVerifierKey(key), url]),
    ...policy.groups.map(({ name, threshold, members }) => ['group', name, threshold, ...members]),
    ['quorum', policy.quorum],
  ]
  const text = lines.map((line) => `${line.filter((item) => item !== undefined).join(' ')}\n`)
  if (text.some((line) => line.includes('#'))) {
    throw refused('other parsers take a # within a line for a comment')
  }
  const bytes = encodeOctets(text.join(''))
  const parsed = parseTlogPolicy(bytes)
  if (canonical(parsed) !== canonical(policy)) throw refused('a name or URL has a space')
  return bytes
}

function canonical({ logs, witnesses, groups, quorum }: TlogPolicy): string {
  return JSON.stringify([
    logs.map(({ key, url }) => [encodeVerifierKey(key), url]),
    witnesses.map(({ name, key, url }) => [name, encodeVerifierKey(key), url]),
    groups.map(({ name, threshold, members }) => [name, threshold, members]),
    quorum,
  ])
}
