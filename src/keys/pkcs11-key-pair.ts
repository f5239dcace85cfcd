/**
 * Finds a key pair in a token: the private key by its name, the public one by the id of the other.
 */
import { publicKeyFromSpki, withThumbprintKid } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { ecSpki, ed25519Spki } from '../x509/spki.ts'
import type { Attribute, Handle } from './cryptoki.ts'
import { attempt, refuseKey } from './pkcs11-token.ts'
import type { TokenSession } from './pkcs11-token.ts'
import type { Pkcs11Uri } from './pkcs11-uri.ts'

const CKO_PUBLIC_KEY = 2
const CKO_PRIVATE_KEY = 3
const CKA_CLASS = 0x0
const CKA_LABEL = 0x3
const CKA_ID = 0x102
const CKA_EC_PARAMS = 0x180
const CKA_EC_POINT = 0x181

const P256_OID = '06082a8648ce3d030107'
/** The OID, and the PrintableString "edwards25519" that PKCS #11 3.0 allows as well. */
const ED25519_PARAMS: readonly string[] = ['06032b6570', '130c656477617264733235353139']
const OCTET_STRING = 0x04

export function readKeyPair(
  session: TokenSession,
  uri: Pkcs11Uri,
): { readonly privateKey: Handle; readonly publicKey: PublicKey } {
  const named = [
    ...(uri.object === undefined ? [] : [{ type: CKA_LABEL, value: uri.object }]),
    ...(uri.id === undefined ? [] : [{ type: CKA_ID, value: Buffer.from(uri.id) }]),
  ]
  const privateKey = findOne({ session, uri, what: 'private key' }, [
    { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
    ...named,
  ])
  // Labels need not be the same on both halves; the id is what PKCS #11 ties them with.
  const [id] = readAttributes({ session, uri, what: 'private key' }, privateKey, [CKA_ID])
  const half = id === undefined || id.length === 0 ? named : [{ type: CKA_ID, value: id }]
  const what = 'public key'
  const object = findOne({ session, uri, what }, [
    { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
    ...half,
  ])
  const types = [CKA_EC_PARAMS, CKA_EC_POINT]
  const [params, point] = readAttributes({ session, uri, what }, object, types)
  const spki = attempt(uri, 'its public key is neither of P-256 nor of Ed25519', () =>
    spkiOf(params!, point!),
  )
  return { privateKey, publicKey: withThumbprintKid(publicKeyFromSpki(spki)) }
}

interface Search {
  readonly session: TokenSession
  readonly uri: Pkcs11Uri
  readonly what: 'private key' | 'public key'
}

function findOne({ session, uri, what }: Search, template: readonly Attribute[]): Handle {
  const { cryptoki, handle } = session
  const found = attempt(uri, `the token cannot be searched for its ${what}`, () => {
    cryptoki.C_FindObjectsInit(handle, template)
    try {
      return cryptoki.C_FindObjects(handle, 2)
    } finally {
      cryptoki.C_FindObjectsFinal(handle)
    }
  })
  const [object] = found
  if (object === undefined) throw refuseKey(uri, `the token has no such ${what}`)
  if (found.length > 1) throw refuseKey(uri, `the token has more than one such ${what}: add id=`)
  return object
}

function readAttributes(
  { session, uri, what }: Search,
  object: Handle,
  types: readonly number[],
): Buffer[] {
  const template = types.map((type) => ({ type }))
  return attempt(uri, `the ${what} cannot be read`, () =>
    session.cryptoki.C_GetAttributeValue(session.handle, object, template),
  ).map(({ value }) => value)
}

function spkiOf(params: Buffer, point: Buffer): Uint8Array {
  const curve = params.toString('hex')
  if (curve === P256_OID) {
    const octets = unwrapped(point, 65)
    if (octets[0] === 0x04) return ecSpki('P-256', octets.subarray(1, 33), octets.subarray(33))
  }
  if (ED25519_PARAMS.includes(curve)) return ed25519Spki(unwrapped(point, 32))
  throw new TypeError(`EC parameters ${curve}`)
}

/** Points are wrapped in an OCTET STRING, except in tokens that read an older text. */
function unwrapped(point: Buffer, length: number): Uint8Array {
  const isWrapped = point.length === length + 2 && point[0] === OCTET_STRING && point[1] === length
  const octets = new Uint8Array(isWrapped ? point.subarray(2) : point)
  if (octets.length === length) return octets
  throw new TypeError(`a point of ${point.length} bytes`)
}
