/** Values of command line options, parsed strictly: times, numbers, and FILE[=PATTERN]. */
import { InvalidArgumentError } from 'commander'
import type { DigestName } from '../bytes/digest.ts'
import { ALGORITHMS } from '../cose/algorithms.ts'
import { parsePayloadName } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import { CliError } from './cli-error.ts'
import { exists } from './files.ts'

/** RFC 3339 time with a zone, or Unix seconds. */
export function parseTime(text: string): number {
  if (/^[0-9]{1,11}$/.test(text)) return Number(text)
  const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i
  const milliseconds = shape.test(text) ? Date.parse(text.toUpperCase()) : Number.NaN
  if (Number.isNaN(milliseconds) || milliseconds < 0) {
    throw new InvalidArgumentError('expected a time like 2026-01-31T12:00:00Z, or Unix seconds')
  }
  return Math.floor(milliseconds / 1000)
}

/** A TCP port; 0 means any free one. */
export function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidArgumentError('expected a port from 0 to 65535')
  return port
}

/** A whole number above zero. */
export function parseCount(text: string): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0
  if (value === 0) throw new InvalidArgumentError('expected a whole number above 0')
  return value
}

/** An http or https URL, without a trailing slash. */
export function parseUrl(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new InvalidArgumentError('expected a URL like https://log.example.org')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new InvalidArgumentError('expected an http: or https: URL')
  }
  return text.replace(/\/+$/, '')
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

/** A trust anchor's file and the issuers that it may speak for. */
export interface AnchorSpec {
  readonly path: string
  readonly issuers: string[]
}

/** `FILE` (any issuer) or `FILE=PATTERN`; a file name that itself holds `=` is found first. */
export async function parseAnchorSpec(text: string): Promise<AnchorSpec> {
  if (!text.includes('=') || (await exists(text))) return { path: text, issuers: ['*'] }
  for (let at = text.indexOf('='); at !== -1; at = text.indexOf('=', at + 1)) {
    if (await exists(text.slice(0, at))) return splitAnchorSpec(text, at)
  }
  return splitAnchorSpec(text, text.indexOf('='))
}

/** An empty pattern is a shell variable that was not set: the anchor would speak for nobody. */
function splitAnchorSpec(text: string, at: number): AnchorSpec {
  const [path, pattern] = [text.slice(0, at), text.slice(at + 1)]
  if (pattern !== '') return { path, issuers: [pattern] }
  throw new CliError('ERR_USAGE', `the pattern of ${path} is empty`, {
    hint: 'without = the anchor may speak for any issuer',
  })
}

const DIGESTS: Readonly<Record<string, DigestName>> = {
  'sha-256': 'SHA-256',
  'sha-384': 'SHA-384',
  'sha-512': 'SHA-512',
}

/** A digest algorithm, `sha-256` or `SHA-256`. */
export function parseDigestName(text: string): DigestName {
  const name = DIGESTS[text.toLowerCase()]
  if (name === undefined) {
    throw new InvalidArgumentError(`expected one of ${Object.keys(DIGESTS).join(', ')}`)
  }
  return name
}

/** The name of a payload: `sha256:…`. */
export function parseName(text: string): PayloadName {
  try {
    return parsePayloadName(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** The name of a signature algorithm. */
export function parseAlgorithm(text: string): string {
  if (!ALGORITHMS.some(({ name }) => name === text)) {
    throw new InvalidArgumentError(
      `expected one of ${ALGORITHMS.map(({ name }) => name).join(', ')}`,
    )
  }
  return text
}

/** Text that says something: a shell hands an unset variable over as an empty one. */
export function parseText(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected a text that is not empty')
  return text
}

/** RFC 6838 §4.2: type and subtype; parameters may follow. */
const MEDIA_TYPE = /^[a-z0-9][\w!#$&^.+-]*\/[a-z0-9][\w!#$&^.+-]*\s*(;.*)?$/i

/** A media type. */
export function parseMediaType(text: string): string {
  if (!MEDIA_TYPE.test(text)) {
    throw new InvalidArgumentError('expected a media type like application/vnd.in-toto+json')
  }
  return text
}
