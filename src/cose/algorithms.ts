/**
 * Everything about a signature algorithm in one table: the COSE id, the key that it needs and the
 * scheme to verify with. The algorithm is bound to key type and curve (D12), so ES256 with a P-384
 * key is refused although RFC 9053 would let it pass. HMAC, RSA PKCS#1 and "none" do not exist here.
 */
import { InputError } from '../errors.ts'
import type { HashName, SignatureScheme } from '../x509/signature-verifier.ts'
import type { SpkiKey } from '../x509/spki.ts'

type EcCurve = 'P-256' | 'P-384' | 'P-521'

/** One COSE signature algorithm. */
export interface Algorithm {
  readonly id: number
  readonly name: string
  readonly key:
    { readonly kind: 'ec'; readonly curve: EcCurve } | { readonly kind: 'ed25519' | 'rsa' }
  readonly scheme: SignatureScheme
}

const ecdsa = (id: number, name: string, curve: EcCurve, hash: HashName): Algorithm => ({
  id,
  name,
  key: { kind: 'ec', curve },
  scheme: { kind: 'ecdsa', curve, hash },
})
const pss = (id: number, name: string, hash: HashName, saltLength: number): Algorithm => ({
  id,
  name,
  key: { kind: 'rsa' },
  scheme: { kind: 'rsa-pss', hash, saltLength },
})
const ed25519 = (id: number, name: string): Algorithm => ({
  id,
  name,
  key: { kind: 'ed25519' },
  scheme: { kind: 'ed25519' },
})

/** All accepted algorithms; the polymorphic ids and their fully specified twins (RFC 9864). */
export const ALGORITHMS: readonly Algorithm[] = [
  ecdsa(-7, 'ES256', 'P-256', 'SHA-256'),
  ecdsa(-35, 'ES384', 'P-384', 'SHA-384'),
  ecdsa(-36, 'ES512', 'P-521', 'SHA-512'),
  ed25519(-8, 'EdDSA'),
  pss(-37, 'PS256', 'SHA-256', 32),
  pss(-38, 'PS384', 'SHA-384', 48),
  pss(-39, 'PS512', 'SHA-512', 64),
  ecdsa(-9, 'ESP256', 'P-256', 'SHA-256'),
  ecdsa(-51, 'ESP384', 'P-384', 'SHA-384'),
  ecdsa(-52, 'ESP512', 'P-521', 'SHA-512'),
  ed25519(-19, 'Ed25519'),
]

const byId: ReadonlyMap<unknown, Algorithm> = new Map(ALGORITHMS.map((a) => [a.id, a]))
const byName: ReadonlyMap<string, Algorithm> = new Map(ALGORITHMS.map((a) => [a.name, a]))

/** @throws InputError `ERR_COSE_ALGORITHM` unless `id` is an accepted COSE algorithm. */
export function algorithmById(id: unknown): Algorithm {
  const algorithm = byId.get(id)
  if (algorithm !== undefined) return algorithm
  const shown = typeof id === 'number' ? String(id) : 'not an integer'
  throw new InputError(
    'ERR_COSE_ALGORITHM',
    id === undefined
      ? 'alg (1) is missing from the protected header'
      : `algorithm ${shown} is not supported`,
  )
}

/** @throws InputError `ERR_COSE_ALGORITHM` unless `name` is the name of an accepted algorithm. */
export function algorithmByName(name: string): Algorithm {
  const algorithm = byName.get(name)
  if (algorithm === undefined) {
    const known = [...byName.keys()].join(', ')
    throw new InputError('ERR_COSE_ALGORITHM', `unknown algorithm, expected one of ${known}`)
  }
  return algorithm
}

/** True when both ids mean the same scheme, as -7 and -9 do. */
export function sameScheme(a: number, b: number): boolean {
  return (
    a === b ||
    (byId.has(a) && JSON.stringify(byId.get(a)?.scheme) === JSON.stringify(byId.get(b)?.scheme))
  )
}

/**
 * Binds the algorithm to the key's type, curve and declared algorithm.
 * @throws InputError `ERR_COSE_ALGORITHM` when they do not fit.
 */
export function assertKeyFits(algorithm: Algorithm, key: SpkiKey & { algorithm?: number }): void {
  const need = algorithm.key
  const fits =
    need.kind === key.kind &&
    (need.kind !== 'ec' || (key.kind === 'ec' && need.curve === key.curve))
  if (!fits) {
    const has = key.kind === 'ec' ? `an EC key on ${key.curve}` : `an ${key.kind} key`
    throw new InputError('ERR_COSE_ALGORITHM', `${algorithm.name} cannot be verified with ${has}`)
  }
  if (key.algorithm !== undefined && !sameScheme(key.algorithm, algorithm.id)) {
    throw new InputError(
      'ERR_COSE_ALGORITHM',
      `the key is for algorithm ${key.algorithm} only, the message says ${algorithm.name}`,
    )
  }
}

/** Exact length in bytes of a signature by `key`. */
export function signatureLength(key: SpkiKey): number {
  switch (key.kind) {
    case 'ec':
      return 2 * key.x.length
    case 'ed25519':
      return 64
    case 'rsa':
      return Math.ceil(key.modulusBits / 8)
  }
}

/** The algorithm that a key of this kind signs with when nobody says otherwise. */
export function defaultAlgorithm(key: SpkiKey): Algorithm {
  return ALGORITHMS.find(
    ({ key: need }) =>
      need.kind === key.kind &&
      (need.kind !== 'ec' || (key.kind === 'ec' && need.curve === key.curve)),
  )!
}
