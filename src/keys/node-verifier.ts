/**
 * The server's signature verifier: node:crypto on its thread pool, with imported keys kept, because
 * an import costs as much as a verification (libraries §7). Same answers as WebCrypto's, which
 * `cose/web-crypto.ts` gives where there is no Node.
 */
import { constants, verify } from 'node:crypto'
import type { KeyObject, VerifyKeyObjectInput } from 'node:crypto'
import type {
  HashName,
  SignatureRequest,
  SignatureScheme,
  SignatureVerifier,
} from '../x509/signature-verifier.ts'
import { ecdsaDer } from './ecdsa-signature.ts'
import { KeyCache } from './key-cache.ts'

/** Imported keys kept in memory; issuers are many, keys in use at a time few. */
const KEYS_MAX = 1024
const ED25519_SIGNATURE_BYTES = 64

const DIGESTS: Readonly<Record<HashName, string>> = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}

export interface NodeVerifierOptions {
  readonly keysMax?: number
  /** On the thread that asks, and not behind what waits for the thread pool. */
  readonly isOnThisThread?: boolean
}

/** A {@link SignatureVerifier} over node:crypto. A key that does not import verifies nothing. */
export function createNodeVerifier({
  keysMax = KEYS_MAX,
  isOnThisThread = false,
}: NodeVerifierOptions = {}): SignatureVerifier {
  const keys = new KeyCache(keysMax)
  const run = isOnThisThread ? verifyHere : verifyInPool
  return {
    async verify({ scheme, spki, data, signature }: SignatureRequest): Promise<boolean> {
      const native = nativeSignature(scheme, signature)
      const key = keys.get(spki)
      if (native === undefined || key === undefined) return false
      if (isRsa(scheme) && signature.length !== modulusBytes(key)) return false
      return run({ digest: digestOf(scheme), data, signature: native }, keyInput(scheme, key))
    },
  }
}

interface NativeRequest {
  readonly digest: string | undefined
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

function verifyInPool(
  { digest, data, signature }: NativeRequest,
  key: VerifyKeyObjectInput,
): Promise<boolean> {
  return new Promise((resolve) => {
    // OpenSSL reports some malformed signatures as errors instead of as wrong ones.
    verify(digest, data, key, signature, (error, isValid) => resolve(error === null && isValid))
  })
}

function verifyHere(
  { digest, data, signature }: NativeRequest,
  key: VerifyKeyObjectInput,
): boolean {
  try {
    return verify(digest, data, key, signature)
  } catch {
    return false
  }
}

function nativeSignature(scheme: SignatureScheme, signature: Uint8Array): Uint8Array | undefined {
  if (scheme.kind === 'ecdsa') return ecdsaDer(signature, scheme.curve)
  if (scheme.kind === 'ed25519' && signature.length !== ED25519_SIGNATURE_BYTES) return undefined
  return signature
}

function isRsa({ kind }: SignatureScheme): boolean {
  return kind === 'rsa-pss' || kind === 'rsa-pkcs1'
}

/** RFC 8017 §8.1.2 and §8.2.2, step 1; OpenSSL also takes a signature without its leading zeros. */
function modulusBytes(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8)
}

function digestOf(scheme: SignatureScheme): string | undefined {
  return scheme.kind === 'ed25519' ? undefined : DIGESTS[scheme.hash]
}

function keyInput(scheme: SignatureScheme, key: KeyObject): VerifyKeyObjectInput {
  switch (scheme.kind) {
    case 'rsa-pss': {
      const { saltLength } = scheme
      return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
    }
    case 'rsa-pkcs1':
      return { key, padding: constants.RSA_PKCS1_PADDING }
    case 'ecdsa':
    case 'ed25519':
      return { key }
  }
}

export const nodeVerifier: SignatureVerifier = createNodeVerifier()

/**
 * For the log's own heads, one a batch: in the pool it would wait behind the signatures of a whole
 * batch of statements, and everybody in its own batch with it.
 */
export const promptVerifier: SignatureVerifier = createNodeVerifier({ isOnThisThread: true })
