/**
 * Verifies DSSE envelopes under keys that somebody pinned. The signature covers PAE(type, payload), so both
 * are as authentic as it is. ECDSA signatures are met in DER and as raw r ‖ s; both are tried.
 */
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { InputError, VerificationError } from '../errors.ts'
import { assertEd25519Key, isCanonicalR } from '../x509/ed25519-points.ts'
import { ecdsaRawSignature } from '../x509/signature-algorithm.ts'
import type {
  EcCurve,
  HashName,
  SignatureScheme,
  SignatureVerifier,
} from '../x509/signature-verifier.ts'
import type { DsseEnvelope } from './dsse.ts'

/** A key that envelopes are verified with. With a `keyid`, only for signatures that name it or none. */
export interface DsseKey {
  readonly key: PublicKey
  readonly keyid?: string
}

/** How a signature was written; `raw` is r ‖ s, also called IEEE P1363. */
export type DsseSignatureForm = 'der' | 'raw' | 'ed25519' | 'rsa-pss' | 'rsa-pkcs1'

/** A signature that verified. */
export interface VerifiedDsseSignature {
  readonly key: DsseKey
  readonly form: DsseSignatureForm
}

/** What a DSSE signature covers; lengths are in bytes. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encodeUtf8(payloadType)
  const head = encodeUtf8(`DSSEv1 ${type.length} `)
  return concatBytes(head, type, encodeUtf8(` ${payload.length} `), payload)
}

/**
 * Verifies every signature of an envelope, each under one of the keys. All of them: the key ids of
 * the others would be found in an index as if somebody had checked them.
 * @returns what verified, in the order of the signatures.
 * @throws VerificationError `ERR_INNER_SIGNATURE` for the first one that no key verifies.
 */
export async function verifyDsse(
  envelope: DsseEnvelope,
  keys: readonly DsseKey[],
  verifier: SignatureVerifier,
): Promise<readonly VerifiedDsseSignature[]> {
  const data = preAuthEncoding(envelope.payloadType, envelope.payload)
  const verified: VerifiedDsseSignature[] = []
  for (const [at, { keyid, signature }] of envelope.signatures.entries()) {
    const candidates = keys.filter(
      (key) => key.keyid === undefined || keyid === undefined || key.keyid === keyid,
    )
    const found = await findKey(candidates, { data, signature }, verifier)
    if (found === undefined) throw unverified(at, keyid, candidates.length)
    verified.push(found)
  }
  return verified
}

function unverified(at: number, keyid: string | undefined, tried: number): VerificationError {
  const named = keyid === undefined ? '' : ` with the key id "${keyid}"`
  const why = tried === 0 ? 'is by a key that is not known' : 'does not verify'
  return new VerificationError(
    'ERR_INNER_SIGNATURE',
    `signature ${at} of the DSSE envelope${named} ${why}`,
  )
}

interface Signed {
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

async function findKey(
  keys: readonly DsseKey[],
  { data, signature }: Signed,
  verifier: SignatureVerifier,
): Promise<VerifiedDsseSignature | undefined> {
  for (const key of keys) {
    for (const { form, scheme, bytes } of attempts(key.key, signature)) {
      const { spki } = key.key
      if (await verifier.verify({ scheme, spki, data, signature: bytes })) return { key, form }
    }
  }
  return undefined
}

interface Attempt {
  readonly form: DsseSignatureForm
  readonly scheme: SignatureScheme
  readonly bytes: Uint8Array
}

/** Everything that a signature of unknown algorithm may be under a key; what cannot be is left out. */
function attempts(key: PublicKey, signature: Uint8Array): Attempt[] {
  switch (key.kind) {
    case 'ed25519':
      return ed25519Attempts(key.x, signature)
    case 'rsa': {
      const pss = { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 } as const
      const tries: Attempt[] = [{ form: 'rsa-pss', scheme: pss, bytes: signature }]
      const pkcs1 = { kind: 'rsa-pkcs1', hash: 'SHA-256' } as const
      if (key.pssOnly !== true) tries.push({ form: 'rsa-pkcs1', scheme: pkcs1, bytes: signature })
      return tries
    }
    case 'ec':
      return ecdsaForms(signature, key.curve, key.x.length).flatMap(({ form, bytes }) =>
        HASHES[key.curve].map((hash) => ({
          form,
          bytes,
          scheme: { kind: 'ecdsa', curve: key.curve, hash },
        })),
      )
  }
}

/** The curve's own hash, and SHA-256, which cosign uses with every key. */
const HASHES: Readonly<Record<EcCurve, readonly HashName[]>> = {
  'P-256': ['SHA-256'],
  'P-384': ['SHA-384', 'SHA-256'],
  'P-521': ['SHA-512', 'SHA-256'],
}

function ed25519Attempts(x: Uint8Array, signature: Uint8Array): Attempt[] {
  if (signature.length !== 64 || !isCanonicalR(signature)) return []
  assertEd25519Key(x)
  return [{ form: 'ed25519', scheme: { kind: 'ed25519' }, bytes: signature }]
}

function ecdsaForms(
  signature: Uint8Array,
  curve: EcCurve,
  fieldBytes: number,
): readonly { readonly form: 'der' | 'raw'; readonly bytes: Uint8Array }[] {
  const forms: { form: 'der' | 'raw'; bytes: Uint8Array }[] = []
  try {
    forms.push({ form: 'der', bytes: ecdsaRawSignature(signature, curve) })
  } catch (error) {
    if (!(error instanceof InputError)) throw error
  }
  if (signature.length === 2 * fieldBytes) forms.push({ form: 'raw', bytes: signature })
  return forms
}
