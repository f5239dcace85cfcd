/**
 * The keys that verify this service's tree heads and Receipts, active and retired, as COSE_Key and
 * COSE_KeySet (SCRAPI §2.1, §2.2). Encoded once: they change only when the process is restarted.
 * Which keys exist, and where their private halves are, is the business of `app/` and `keys/`.
 */
import { encodeBase64url } from '../bytes/base64.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { encodeCoseKey, encodeCoseKeySet } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { NotFoundError } from '../errors.ts'
import type { ServiceKey } from './ports.ts'

/** A kid may stand in a URL as it is only when it needs no escape (RFC 3986 §2.3). */
const PATH_SEGMENT = /^[A-Za-z0-9._~-]{1,128}$/

/** The published keys and their look-up. */
export class ServiceKeys {
  readonly #keys: readonly PublicKey[]
  readonly #keySet: Uint8Array
  readonly #byBase64url = new Map<string, Uint8Array>()
  readonly #byRawKid = new Map<string, Uint8Array>()

  constructor(keys: readonly ServiceKey[]) {
    const activeFirst = [
      ...keys.filter((key) => !key.retired),
      ...keys.filter((key) => key.retired),
    ]
    this.#keys = activeFirst.map(({ key }) => key)
    this.#keySet = encodeCoseKeySet(this.#keys)
    for (const key of this.#keys) {
      const encoded = encodeCoseKey(key)
      this.#byBase64url.set(encodeBase64url(kidOf(key)), encoded)
      const raw = String.fromCharCode(...kidOf(key))
      if (PATH_SEGMENT.test(raw)) this.#byRawKid.set(raw, encoded)
    }
  }

  /** COSE_KeySet of all keys, active ones first. */
  encodeKeySet(): Uint8Array {
    return this.#keySet
  }

  /**
   * One COSE_Key by the kid of a URL: its base64url form first, which works for every kid, then
   * its raw form, so that no raw kid can shadow another key (TS-68).
   * @throws NotFoundError `ERR_KEY_UNKNOWN`.
   */
  encodeKey(kid: string): Uint8Array {
    const key = this.#byBase64url.get(kid) ?? this.#byRawKid.get(kid)
    if (key === undefined) {
      throw new NotFoundError('ERR_KEY_UNKNOWN', 'No key could be found for this kid value')
    }
    return key
  }

  /** The key that a tree head names, or `undefined`. */
  findKey(kid: Uint8Array): PublicKey | undefined {
    return this.#keys.find((key) => equalBytes(kidOf(key), kid))
  }
}

function kidOf(key: PublicKey): Uint8Array {
  return key.kid ?? keyThumbprint(key)
}
