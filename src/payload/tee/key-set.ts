/**
 * Keys of verifiers, pinned: a JWK Set (RFC 7517) given as bytes, as attestation services publish it.
 * Azure's sets have certificates in place of key members; the certificate is only where the key stands,
 * since the set itself is what is trusted. Keys that cannot be used do not spoil the others.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { publicKeyFromJwk, type Jwk } from '../../cose/jwk.ts'
import { publicKeyFromSpki, type PublicKey } from '../../cose/public-key.ts'
import { InputError } from '../../errors.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { EvidenceError } from './evidence.ts'
import { bytesFromBase64 } from './foreign-text.ts'

const KEYS_MAX = 100

/** A key of a verifier. */
export interface VerifierKey {
  readonly kid?: string
  /** The only JOSE algorithm that the set allows for it. */
  readonly alg?: string
  readonly key: PublicKey
}

type JwkMembers = Jwk & Readonly<Record<string, unknown>>

function readKey(value: unknown): VerifierKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const jwk = value as JwkMembers
  const { kid, alg, use, x5c } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  const certified = Array.isArray(x5c) ? keyOfCertificate(x5c[0]) : undefined
  const isBare = jwk.n === undefined && jwk.x === undefined
  const key = certified !== undefined && isBare ? certified : publicKeyFromJwk(jwk)
  if (certified !== undefined && !equalBytes(certified.spki, key.spki)) return undefined
  return {
    ...(typeof kid === 'string' ? { kid } : {}),
    ...(typeof alg === 'string' ? { alg } : {}),
    key,
  }
}

function keyOfCertificate(text: unknown): PublicKey {
  return publicKeyFromSpki(parseCertificate(bytesFromBase64(text, 'x5c')).spki.spki)
}

/**
 * Parses a set.
 * @throws EvidenceError `collateral-malformed` when it is no set or holds no key that can be used.
 */
export function parseVerifierKeys(bytes: Uint8Array): VerifierKey[] {
  const keys: VerifierKey[] = []
  for (const member of readSet(bytes)) {
    try {
      const key = readKey(member)
      if (key !== undefined) keys.push(key)
    } catch (error) {
      if (!(error instanceof InputError || error instanceof EvidenceError)) throw error
    }
  }
  if (keys.length === 0) throw new EvidenceError('collateral-malformed', 'no usable key in the set')
  return keys
}

function readSet(bytes: Uint8Array): readonly unknown[] {
  try {
    const context = { code: 'ERR_TRUST_CONFIGURATION', what: 'the key set' } as const
    const keys = (parseStrictJson(bytes, context) as { keys?: unknown } | null)?.keys
    if (Array.isArray(keys) && keys.length <= KEYS_MAX) return keys
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
  }
  throw new EvidenceError('collateral-malformed', `not a set of at most ${KEYS_MAX} keys`)
}
