/** Tokens of verifiers: signed JWTs, and the key sets that verify them. */
import { constants, sign, type KeyObject } from 'node:crypto'
import { encodeBase64, encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { TEST_NOW, type generateTestKeys, type TestCertificate } from './test-pki.ts'

export type Keys = ReturnType<typeof generateTestKeys>

const PARAMETERS: Readonly<Record<string, object>> = {
  RS: {},
  PS: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
  ES: { dsaEncoding: 'ieee-p1363' },
}

export interface JwtOptions {
  readonly alg?: string
  readonly kid?: string
  readonly header?: object
  /** Claims part as text, where it is not the JSON of `claims`. */
  readonly encoded?: string
}

/** A compact JWT. */
export function makeJwt(claims: object, key: KeyObject, options: JwtOptions = {}): Uint8Array {
  const { alg = 'ES256', kid = 'key-1' } = options
  const part = (value: object): string => encodeBase64url(encodeUtf8(JSON.stringify(value)))
  const header = part({ alg, typ: 'JWT', kid, ...options.header })
  const signed = `${header}.${options.encoded ?? part(claims)}`
  const parameters = PARAMETERS[alg.slice(0, 2)] ?? {}
  const signature = sign(`sha${alg.slice(2)}`, encodeUtf8(signed), { key, ...parameters })
  return encodeUtf8(`${signed}.${encodeBase64url(new Uint8Array(signature))}`)
}

/** A JWK Set with these keys, named key-1, key-2 … */
export function makeKeySet(keys: readonly KeyObject[], more: object = {}): Uint8Array {
  const jwks = keys.map((key, i) => ({
    ...key.export({ format: 'jwk' }),
    kid: `key-${i + 1}`,
    ...more,
  }))
  return encodeUtf8(JSON.stringify({ keys: jwks }))
}

/** A set as Azure publishes it: certificates, and no key members. */
export function makeCertificateSet(certificates: readonly TestCertificate[]): Uint8Array {
  const keys = certificates.map(({ der }, i) => ({
    kty: 'RSA',
    kid: `key-${i + 1}`,
    x5c: [encodeBase64(der)],
  }))
  return encodeUtf8(JSON.stringify({ keys }))
}

export const TIMES = { iat: TEST_NOW - 60, nbf: TEST_NOW - 60, exp: TEST_NOW + 3600 } as const

/** An EAR's claims. */
export function earClaims(changes: object = {}): Record<string, unknown> {
  return {
    ...TIMES,
    eat_profile: 'tag:ietf.org,2026:rats/ear#03',
    ear_verifier_id: { developer: 'https://verifier.example', build: 'v1.2' },
    submods: {
      cpu: {
        ear_status: 'affirming',
        ear_trustworthiness_vector: { 'instance-identity': 2, hardware: 2 },
        ear_appraisal_policy_ids: ['policy:1'],
      },
    },
    ...changes,
  }
}
