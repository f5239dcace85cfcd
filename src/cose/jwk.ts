/** Public keys as JSON Web Keys (RFC 7517, 7518 §6, 8037): what other COSE software and OIDC speak. */
import { decodeBase64url, encodeBase64url } from '../bytes/base64.ts'
import { InputError } from '../errors.ts'
import { ecSpki, ed25519Spki, rsaSpki } from '../x509/spki.ts'
import { publicKeyFromSpki, type PublicKey } from './public-key.ts'

const EC_CURVES: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521'])

function fail(message: string): never {
  throw new InputError('ERR_COSE_KEY', message)
}

/** JSON Web Key members that matter here (RFC 7517, 7518, 8037). */
export interface Jwk {
  readonly kty?: string | undefined
  readonly crv?: string | undefined
  readonly x?: string | undefined
  readonly y?: string | undefined
  readonly n?: string | undefined
  readonly e?: string | undefined
  readonly d?: string | undefined
}

/** @throws InputError `ERR_COSE_KEY`, `ERR_KEY_PRIVATE` or `ERR_BYTES_ENCODING`. */
export function publicKeyFromJwk(jwk: Jwk): PublicKey {
  if (jwk.d !== undefined) {
    throw new InputError('ERR_KEY_PRIVATE', 'the JWK holds a private key')
  }
  const bytes = (text: string | undefined): Uint8Array =>
    decodeBase64url(text ?? fail('JWK member missing'))
  switch (jwk.kty) {
    case 'EC':
      if (jwk.crv === undefined || !EC_CURVES.has(jwk.crv))
        fail('JWK curves are P-256, P-384 and P-521')
      return publicKeyFromSpki(
        ecSpki(jwk.crv as 'P-256' | 'P-384' | 'P-521', bytes(jwk.x), bytes(jwk.y)),
      )
    case 'OKP':
      if (jwk.crv !== 'Ed25519') fail('the only OKP curve is Ed25519')
      return publicKeyFromSpki(ed25519Spki(bytes(jwk.x)))
    case 'RSA':
      return publicKeyFromSpki(rsaSpki(bytes(jwk.n), bytes(jwk.e)))
    default:
      return fail('kty of a JWK is EC, OKP or RSA')
  }
}

/** Public JWK of the key. */
export function publicKeyToJwk(key: PublicKey): Jwk {
  switch (key.kind) {
    case 'ec':
      return { kty: 'EC', crv: key.curve, x: encodeBase64url(key.x), y: encodeBase64url(key.y) }
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(key.x) }
    case 'rsa':
      return { kty: 'RSA', n: encodeBase64url(key.n), e: encodeBase64url(key.e) }
  }
}
