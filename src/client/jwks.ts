/** The keys of a JWK Set, as old services publish them. */
import { decodeUtf8, encodeUtf8 } from '../bytes/bytes.ts'
import { publicKeyFromJwk } from '../cose/jwk.ts'
import type { Jwk } from '../cose/jwk.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { InputError } from '../errors.ts'

/** One key of an unknown kind does not spoil the set. */
export function parseJwks(body: Uint8Array): PublicKey[] {
  const set: unknown = JSON.parse(decodeUtf8(body))
  const list: unknown =
    typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(list)) throw new InputError('ERR_RESPONSE', 'the JWK set has no list of keys')
  return list.flatMap((jwk: unknown) => {
    try {
      return isJwk(jwk) ? [withJwkKid(publicKeyFromJwk(jwk), jwk)] : []
    } catch (error) {
      if (error instanceof InputError) return []
      throw error
    }
  })
}

function isJwk(value: unknown): value is Jwk & { readonly kid?: unknown } {
  const members = ['kty', 'crv', 'x', 'y', 'n', 'e', 'd']
  if (typeof value !== 'object' || value === null) return false
  const jwk = new Map<string, unknown>(Object.entries(value))
  return members.every((name) => ['string', 'undefined'].includes(typeof jwk.get(name)))
}

/** CCF's receipts name a key by the text that the JWK set names it by. */
function withJwkKid(key: PublicKey, { kid }: { readonly kid?: unknown }): PublicKey {
  return typeof kid === 'string' && kid !== '' ? { ...key, kid: encodeUtf8(kid) } : key
}
