/**
 * An OIDC provider's key set (RFC 7517) from a file of the operator: public members only, one
 * serialisation, because it is kept as collateral of the entries whose submitters it verified. No
 * network: a new key set is a new file, which is read again when a token names a key that is not in
 * the old one.
 */
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readList } from '../bytes/json-values.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { InputError } from '../errors.ts'

/** A key set, parsed. */
export interface OidcKeySet {
  readonly keys: readonly Readonly<Record<string, string>>[]
  /** What is kept as collateral. */
  readonly bytes: Uint8Array
}

const JWKS: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'key set' }
const PUBLIC_MEMBERS = ['kty', 'kid', 'use', 'alg', 'crv', 'n', 'e', 'x', 'y'] as const
const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP']
const KEYS_MAX = 100
/** Least seconds between two looks at the file: tokens with invented key ids cost nothing more. */
const RELOAD_SECONDS_MIN = 10

/** @throws InputError `ERR_TRUST_CONFIGURATION`, also for a set that has a private or a secret key. */
export function parseKeySet(file: Uint8Array): OidcKeySet {
  const value = parseStrictJson(file, JWKS)
  const list = readList((value as { keys?: unknown } | null)?.keys, JWKS)
  if (list.length === 0 || list.length > KEYS_MAX) refuse(`does not have 1 to ${KEYS_MAX} keys`)
  const keys = list.map(readKey)
  return { keys, bytes: encodeUtf8(JSON.stringify({ keys })) }
}

function readKey(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) refuse('has a key that is no object')
  const key = value as Record<string, unknown>
  if ('d' in key || 'k' in key) refuse('has a private key in it: give the public key set')
  if (!KEY_TYPES.includes(key['kty'])) refuse('has a key of another type than RSA, EC and OKP')
  const members = PUBLIC_MEMBERS.flatMap((name) => {
    const member = key[name]
    return typeof member === 'string' ? [[name, member] as const] : []
  })
  return Object.fromEntries(members)
}

function refuse(message: string): never {
  throw new InputError(JWKS.code, `the ${JWKS.what} ${message}`)
}

export interface KeySetOptions {
  /** Reads the operator's file. */
  readonly read: () => Promise<Uint8Array>
  readonly now: () => UnixSeconds
}

/** A key set that follows its file. */
export class OidcKeySource {
  readonly #options: KeySetOptions
  #current: OidcKeySet
  #readAt: UnixSeconds

  private constructor(options: KeySetOptions, current: OidcKeySet) {
    this.#options = options
    this.#current = current
    this.#readAt = options.now()
  }

  /** @throws InputError as {@link parseKeySet}, or the system's error. */
  static async open(options: KeySetOptions): Promise<OidcKeySource> {
    return new OidcKeySource(options, parseKeySet(await options.read()))
  }

  get current(): OidcKeySet {
    return this.#current
  }

  /** Reads the file again; true when there is something new. A file that is bad changes nothing. */
  async reload(): Promise<boolean> {
    const now = this.#options.now()
    if (now - this.#readAt < RELOAD_SECONDS_MIN) return false
    this.#readAt = now
    try {
      const next = parseKeySet(await this.#options.read())
      const isNew = next.bytes.join() !== this.#current.bytes.join()
      this.#current = next
      return isNew
    } catch {
      return false
    }
  }
}
