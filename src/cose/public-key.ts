/**
 * Public keys in their forms on the wire: COSE_Key (RFC 9052 §7), COSE_KeySet, PEM and SPKI (JWK: jwk.ts).
 * One type holds what all of them say. A key that cannot be trusted (wrong curve, point off the
 * curve, short RSA modulus, Ed25519 point of small order) does not become a value of it. Private
 * members are refused, so that nobody publishes one by accident.
 */
import { decodeCbor, type CborMap, type CborValue } from '../cbor/decode.ts'
import { encodeCbor } from '../cbor/encode.ts'
import { InputError } from '../errors.ts'
import { assertEd25519Key } from '../x509/ed25519-points.ts'
import { decodePem } from '../x509/pem.ts'
import { ecSpki, ed25519Spki, parseSpki, rsaSpki, type SpkiKey } from '../x509/spki.ts'
import { CURVES, ED25519, KTY, keyThumbprint, requiredMembers } from './thumbprint.ts'

/** A verified-to-be-sane public key. `spki` is its canonical DER and identifies it. */
export type PublicKey = SpkiKey & {
  readonly kid?: Uint8Array
  /** COSE algorithm id that the key is restricted to. */
  readonly algorithm?: number
}

const KEY_OP_VERIFY = 2
const PRIVATE_LABELS: Readonly<Record<number, readonly number[]>> = {
  [KTY.okp]: [-4],
  [KTY.ec2]: [-4],
  [KTY.rsa]: [-3, -4, -5, -6, -7, -8, -9, -10, -11, -12],
}

function fail(message: string): never {
  throw new InputError('ERR_COSE_KEY', message)
}

/** @throws InputError `ERR_COSE_KEY`, `ERR_KEY_PRIVATE` or `ERR_CBOR_*`. */
export function parseCoseKey(bytes: Uint8Array): PublicKey {
  return publicKeyFromCose(decodeCbor(bytes))
}

/** A COSE_Key already decoded. @throws InputError `ERR_COSE_KEY` or `ERR_KEY_PRIVATE`. */
export function publicKeyFromCose(value: CborValue): PublicKey {
  if (!(value instanceof Map)) fail('a COSE_Key is a map')
  const map = value as CborMap
  const kty = map.get(1)
  const privateLabels = typeof kty === 'number' ? PRIVATE_LABELS[kty] : undefined
  if (privateLabels?.some((label) => map.has(label))) {
    throw new InputError('ERR_KEY_PRIVATE', 'the COSE_Key holds a private key')
  }
  const operations = map.get(4)
  if (
    operations !== undefined &&
    !(Array.isArray(operations) && operations.includes(KEY_OP_VERIFY))
  ) {
    fail('key_ops of the COSE_Key do not allow verification')
  }
  const kid = map.get(2)
  if (kid !== undefined && !(kid instanceof Uint8Array)) fail('kid of a COSE_Key is a byte string')
  const algorithm = map.get(3)
  if (algorithm !== undefined && !(typeof algorithm === 'number' && Number.isInteger(algorithm)))
    fail('alg of a COSE_Key is an integer')
  return {
    ...keyMaterial(map),
    ...(kid === undefined ? {} : { kid }),
    ...(algorithm === undefined ? {} : { algorithm }),
  }
}

function keyMaterial(map: CborMap): SpkiKey {
  switch (map.get(1)) {
    case KTY.okp:
      if (map.get(-1) !== ED25519) fail('the only OKP curve is Ed25519')
      return sane(parseSpki(ed25519Spki(byteString(map.get(-2)))))
    case KTY.ec2: {
      const curve = Object.entries(CURVES).find(([, id]) => id === map.get(-1))?.[0]
      if (curve === undefined) fail('EC2 curves are P-256, P-384 and P-521')
      return parseSpki(
        ecSpki(curve as keyof typeof CURVES, byteString(map.get(-2)), byteString(map.get(-3))),
      )
    }
    case KTY.rsa:
      return parseSpki(rsaSpki(byteString(map.get(-1)), byteString(map.get(-2))))
    default:
      return fail('kty of a COSE_Key is OKP, EC2 or RSA')
  }
}

function byteString(value: CborValue): Uint8Array {
  return value instanceof Uint8Array ? value : fail('a COSE_Key member is not a byte string')
}

function sane(key: SpkiKey): SpkiKey {
  if (key.kind === 'ed25519') assertEd25519Key(key.x)
  return key
}

/** Deterministic COSE_Key with kid, alg (where known) and key_ops `[verify]`. */
export function encodeCoseKey(key: PublicKey): Uint8Array {
  return encodeCbor(coseKeyMap(key))
}

function coseKeyMap(key: PublicKey): CborMap {
  const map = new Map<CborValue, CborValue>(requiredMembers(key))
  map.set(2, key.kid ?? keyThumbprint(key))
  if (key.algorithm !== undefined) map.set(3, key.algorithm)
  return map.set(4, [KEY_OP_VERIFY])
}

/** COSE_KeySet = `[ + COSE_Key ]`. */
export function encodeCoseKeySet(keys: readonly PublicKey[]): Uint8Array {
  return encodeCbor(keys.map(coseKeyMap))
}

/**
 * The usable keys of a COSE_KeySet; a member that we cannot use does not spoil the others.
 * @throws InputError when it is not an array or holds no usable key.
 */
export function parseCoseKeySet(bytes: Uint8Array): PublicKey[] {
  const set = decodeCbor(bytes)
  if (!Array.isArray(set)) fail('a COSE_KeySet is an array')
  const keys: PublicKey[] = []
  for (const member of set as readonly CborValue[]) {
    try {
      keys.push(publicKeyFromCose(member))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
    }
  }
  if (keys.length === 0) fail('the COSE_KeySet holds no key that can be used')
  return keys
}

/** SubjectPublicKeyInfo DER. @throws InputError `ERR_COSE_KEY`. */
export function publicKeyFromSpki(der: Uint8Array): PublicKey {
  return sane(parseSpki(der))
}

/** PEM block `PUBLIC KEY`. @throws InputError `ERR_PEM` or `ERR_COSE_KEY`. */
export function publicKeyFromPem(text: string): PublicKey {
  const [der, ...more] = decodePem(text, 'PUBLIC KEY')
  if (der === undefined || more.length > 0)
    throw new InputError('ERR_PEM', 'expected one PUBLIC KEY')
  return publicKeyFromSpki(der)
}

/** The key with its thumbprint as kid. */
export function withThumbprintKid<Key extends PublicKey>(
  key: Key,
): Key & { readonly kid: Uint8Array } {
  return { ...key, kid: keyThumbprint(key) }
}
