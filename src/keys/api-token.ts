/**
 * API tokens: `attestry_<id>_<secret>`. The id finds the token, the secret proves it; only the
 * SHA-256 of the secret is stored, which is enough for 256 random bits, and hashes are compared in
 * constant time (reliability §7.4).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { encodeBase64url } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import { nativeSha256 } from './native-hash.ts'

const PREFIX = 'attestry_'
const ID_BYTES = 6
const SECRET_BYTES = 32
const TOKEN = /^attestry_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/

/** What a token may be used for. Reading is public; stored tokens may have `query`, which nothing asks for. */
export type ApiTokenScope = 'register'

/** A new token: shown once, and stored as its id and the hash. */
export interface NewApiToken {
  readonly token: string
  readonly tokenId: string
  readonly hash: Uint8Array
}

export function createApiToken(): NewApiToken {
  const tokenId = encodeHex(new Uint8Array(randomBytes(ID_BYTES)))
  const secret = encodeBase64url(new Uint8Array(randomBytes(SECRET_BYTES)))
  return { token: `${PREFIX}${tokenId}_${secret}`, tokenId, hash: hashOf(secret) }
}

/** True for what is meant to be an API token, also when it is none. */
export function isApiToken(text: string): boolean {
  return text.startsWith(PREFIX)
}

/** Id and hash of a shown token; undefined when it is not of the form. */
export function parseApiToken(text: string): Omit<NewApiToken, 'token'> | undefined {
  const [, tokenId, secret] = TOKEN.exec(text) ?? []
  if (tokenId === undefined || secret === undefined) return undefined
  return { tokenId, hash: hashOf(secret) }
}

/** Whether two hashes are the same, in a time that does not depend on where they differ. */
export function isSameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function hashOf(secret: string): Uint8Array {
  return nativeSha256(encodeUtf8(secret))
}
