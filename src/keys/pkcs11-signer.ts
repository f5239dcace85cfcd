/**
 * A signer whose private key stays in a token: an HSM, a smart card, or SoftHSM (design D3). ES256 is
 * CKM_ECDSA over a digest made here, because not every token hashes; Ed25519 is CKM_EDDSA of PKCS #11
 * 3.0. Other algorithms, and making keys in the token, are left to the vendor's tools.
 */
import { createHash, randomBytes } from 'node:crypto'
import { defaultAlgorithm } from '../cose/algorithms.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { Signer } from '../cose/signer.ts'
import type { Handle } from './cryptoki.ts'
import { nodeVerifier } from './node-verifier.ts'
import { readKeyPair } from './pkcs11-key-pair.ts'
import { closeQuietly, openTokenSession, reasonOf, refuseKey } from './pkcs11-token.ts'
import type { TokenSession } from './pkcs11-token.ts'
import type { Pkcs11Uri } from './pkcs11-uri.ts'

/** A signer that holds a session of its token. */
export interface Pkcs11Signer extends Signer {
  /** Ends the session after what is being signed. The end of the process does so, too. */
  close(): Promise<void>
}
const CKM_ECDSA = 0x1041
const CKM_EDDSA = 0x1057
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
