/**
 * A signer whose private key stays in a token: an HSM, a smart card, or SoftHSM (design D3). ES256 is
 * CKM_ECDSA over a digest made here, because not every token hashes; Ed25519 is CKM_EDDSA of PKCS #11
 * 3.0. Other algorithms, and making keys in the token, are left to the vendor's tools.
 */
import { createHash, randomBytes } from 'node:crypto'
import { defaultAlgorithm } from '../cose/algorithms.ts'
import { publicKeyFromSpki, withThumbprintKid } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { Signer } from '../cose/signer.ts'
import { ecSpki, ed25519Spki } from '../x509/spki.ts'
import type { Attribute, Handle } from './cryptoki.ts'
import { nodeVerifier } from './node-verifier.ts'
import { attempt, closeQuietly, openTokenSession, reasonOf, refuseKey } from './pkcs11-token.ts'
import type { TokenSession } from './pkcs11-token.ts'
import type { Pkcs11Uri } from './pkcs11-uri.ts'

/** A signer that holds a session of its token. */
export interface Pkcs11Signer extends Signer {
  /** Ends the session after what is being signed. The end of the process does so, too. */
  close(): Promise<void>
}

const CKO_PUBLIC_KEY = 2
const CKO_PRIVATE_KEY = 3
const CKA_CLASS = 0x0
const CKA_LABEL = 0x3
const CKA_ID = 0x102
const CKA_EC_PARAMS = 0x180
const CKA_EC_POINT = 0x181
const CKM_ECDSA = 0x1041
const CKM_EDDSA = 0x1057

const P256_OID = '06082a8648ce3d030107'
/** The OID, and the PrintableString "edwards25519" that PKCS #11 3.0 allows as well. */
const ED25519_PARAMS: readonly string[] = ['06032b6570', '130c656477617264733235353139']
const OCTET_STRING = 0x04
/** Both algorithms have signatures of this length. */
const SIGNATURE_BYTES = 64

/**
 * Opens a session, finds the key, and makes one signature to see that the public half is its own.
 * @throws StartError `ERR_KEY_FILE` that says what is wrong: the library, the token, the PIN, the key.
 */
export async function openPkcs11Signer(uri: Pkcs11Uri): Promise<Pkcs11Signer> {
  const session = await openTokenSession(uri)
  try {
    const { privateKey, publicKey } = readKeyPair(session, uri)
    const signer = new TokenSigner({ session, uri, privateKey, publicKey })
    await assertOwnPublicKey(signer, uri)
    return signer
  } catch (error) {
    closeQuietly(session)
    throw error
  }
}

interface TokenKey {
  readonly session: TokenSession
  readonly uri: Pkcs11Uri
  readonly privateKey: Handle
  readonly publicKey: PublicKey
}

class TokenSigner implements Pkcs11Signer {
  readonly algorithm: number
  readonly publicKey: PublicKey
  readonly #key: TokenKey
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(key: TokenKey) {
    this.#key = key
    this.publicKey = key.publicKey
    this.algorithm = defaultAlgorithm(key.publicKey).id
  }

  /** @throws StartError `ERR_KEY_FILE` when the token does not sign; nothing is tried again. */
  sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#next(() => this.#sign(data))
  }

  async close(): Promise<void> {
    await this.#next(async () => {
      if (!this.#closed) closeQuietly(this.#key.session)
      this.#closed = true
    })
  }

  /** A session has one operation at a time, and signing leaves this thread in the middle of it. */
  #next<Result>(operation: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(operation)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #sign(data: Uint8Array): Promise<Uint8Array> {
    const { session, uri, privateKey, publicKey } = this.#key
    if (this.#closed) throw refuseKey(uri, 'its session was closed')
    const isEc = publicKey.kind === 'ec'
    const input = isEc ? createHash('sha256').update(data).digest() : Buffer.from(data)
    try {
      const mechanism = { mechanism: isEc ? CKM_ECDSA : CKM_EDDSA }
      session.cryptoki.C_SignInit(session.handle, mechanism, privateKey)
      const space = Buffer.alloc(SIGNATURE_BYTES)
      const signature = await session.cryptoki.C_SignAsync(session.handle, input, space)
      if (signature.length === SIGNATURE_BYTES) return new Uint8Array(signature)
    } catch (cause) {
      throw refuseKey(uri, `the token does not sign (${reasonOf(cause)})`, cause)
    }
    throw refuseKey(uri, 'the token made a signature of a wrong length')
  }
}

/** Public and private key are two objects, which only their names tie together. */
async function assertOwnPublicKey(signer: Signer, uri: Pkcs11Uri): Promise<void> {
  const { publicKey } = signer
  // Text, so that it can never be taken for a tree head or a checkpoint.
  const data = Buffer.from(`attestry key test ${randomBytes(16).toString('hex')}`)
  const signature = await signer.sign(data)
  const scheme = defaultAlgorithm(publicKey).scheme
  if (await nodeVerifier.verify({ scheme, spki: publicKey.spki, data, signature })) return
  throw refuseKey(uri, 'the public key of that name in the token is not the one of the private key')
}

function readKeyPair(
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
