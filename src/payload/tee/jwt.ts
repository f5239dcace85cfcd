/**
 * Compact JWS (RFC 7515 §3.1) with JSON claims, verified against pinned keys through the same port as
 * everything else. `jku`, `jwk` and `x5u` of the header are never followed, `crit` refuses, and the
 * algorithm is bound to the key's type and curve. HMAC and `none` do not exist here.
 */
import { decodeBase64url } from '../../bytes/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/bytes.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { algorithmByName, signatureLength } from '../../cose/algorithms.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { InputError } from '../../errors.ts'
import type { SignatureScheme, SignatureVerifier } from '../../x509/signature-verifier.ts'
import { asObject, type JsonObject } from '../json-members.ts'
import { EvidenceError, KEYS_TRIED_MAX } from './evidence.ts'
import type { VerifierKey } from './key-set.ts'

export const TOKEN_BYTES_MAX: number = 64 * 1024

/** JOSE algorithms that COSE has under the same name, and those that only JOSE has. */
const SCHEMES = new Map<unknown, SignatureScheme>([
  ...['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'].map(
    (name) => [name, algorithmByName(name).scheme] as const,
  ),
  ['RS256', { kind: 'rsa-pkcs1', hash: 'SHA-256' }],
  ['RS384', { kind: 'rsa-pkcs1', hash: 'SHA-384' }],
  ['RS512', { kind: 'rsa-pkcs1', hash: 'SHA-512' }],
])

/** A parsed token. Nothing in it counts before {@link verifyJwt}. */
export interface Jwt {
  readonly header: JsonObject
  readonly claims: JsonObject
  readonly algorithm: string
  readonly scheme: SignatureScheme
  readonly kid?: string
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', `token: ${message}`, { cause })
}

function readObject(encoded: string, what: string): JsonObject {
  const context = { code: 'ERR_PAYLOAD_MALFORMED', what } as const
  const object = asObject(parseStrictJson(decodeBase64url(encoded), context))
  if (object === undefined) throw malformed(`${what} is not an object`)
  return object
}

/**
 * Parses a token.
 * @throws EvidenceError `malformed` or `unsupported`.
 */
export function parseJwt(bytes: Uint8Array): Jwt {
  if (bytes.length > TOKEN_BYTES_MAX) throw malformed(`over ${TOKEN_BYTES_MAX} bytes`)
  try {
    const [header, claims, signature, ...more] = decodeUtf8(bytes).trim().split('.')
    if (
      header === undefined ||
      claims === undefined ||
      signature === undefined ||
      more.length > 0
    ) {
      throw malformed('not three parts')
    }
    const head = readObject(header, 'the header')
    const scheme = SCHEMES.get(head['alg'])
    if (scheme === undefined || head['crit'] !== undefined || head['b64'] !== undefined) {
      throw new EvidenceError('unsupported', 'a token with another algorithm or critical header')
    }
    const kid = head['kid']
    return {
      header: head,
      claims: readObject(claims, 'the claims'),
      algorithm: head['alg'] as string,
      scheme,
      ...(typeof kid === 'string' ? { kid } : {}),
      signed: encodeUtf8(`${header}.${claims}`),
      signature: decodeBase64url(signature),
    }
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message, cause)
  }
}

function fits(scheme: SignatureScheme, key: PublicKey): boolean {
  if (scheme.kind === 'ecdsa') return key.kind === 'ec' && key.curve === scheme.curve
  if (key.kind !== 'rsa') return false
  return scheme.kind === 'rsa-pss' || key.pssOnly !== true
}

/** Whether `key` signed the token. */
export async function isJwtSignedBy(
  { scheme, signed, signature }: Jwt,
  key: PublicKey,
  verifier: SignatureVerifier,
): Promise<boolean> {
  if (!fits(scheme, key) || signature.length !== signatureLength(key)) return false
  return verifier.verify({ scheme, spki: key.spki, data: signed, signature })
}

/**
 * The pinned key that signed the token.
 * @throws EvidenceError `result-key` when no key is the one that the token names, `result-signature`.
 */
export async function verifyJwt(
  jwt: Jwt,
  keys: readonly VerifierKey[],
  verifier: SignatureVerifier,
): Promise<VerifierKey> {
  const named = keys.filter(
    ({ kid, alg, key }) =>
      (jwt.kid === undefined || kid === undefined || kid === jwt.kid) &&
      (alg === undefined || alg === jwt.algorithm) &&
      fits(jwt.scheme, key),
  )
  if (named.length === 0) {
    throw new EvidenceError('result-key', 'no pinned key is the one that the token names')
  }
  for (const candidate of named.slice(0, KEYS_TRIED_MAX)) {
    if (await isJwtSignedBy(jwt, candidate.key, verifier)) return candidate
  }
  throw new EvidenceError('result-signature', 'the signature of the token does not verify')
}
