/**
 * DSSE envelopes (secure-systems-lab/dsse v1): read strictly and verified under keys that somebody
 * pinned. The signature covers PAE(type, payload), so both are as authentic as it is; `keyid` is a
 * hint that nobody signed. ECDSA signatures are met in DER and as raw r ‖ s; both are tried.
 * Certificates inside a signature (`cert`, an extension) are not read: without a time that somebody
 * vouches for they identify nobody.
 */
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { assertEd25519Key, isCanonicalR } from '../x509/ed25519-points.ts'
import { ecdsaRawSignature } from '../x509/signature-algorithm.ts'
import type {
  EcCurve,
  HashName,
  SignatureScheme,
  SignatureVerifier,
} from '../x509/signature-verifier.ts'
import {
  optionalText,
  parseEnvelopeJson,
  readBytes,
  readItems,
  readObject,
  readText,
} from './envelope-text.ts'
import { asObject, memberAt } from './json-members.ts'

/** Most signatures of one envelope. */
export const DSSE_SIGNATURES_MAX = 16

export interface DsseSignature {
  readonly keyid?: string
  readonly signature: Uint8Array
  /** A certificate stands beside the signature. */
  readonly hasCertificate: boolean
}

export interface DsseEnvelope {
  readonly payloadType: string
  readonly payload: Uint8Array
  /** Never empty. */
  readonly signatures: readonly DsseSignature[]
}

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

/** @throws PayloadError unless the bytes are one DSSE envelope. */
export function parseDsse(bytes: Uint8Array): DsseEnvelope {
  return readDsse(parseEnvelopeJson(bytes, 'DSSE envelope'), '')
}

/** {@link parseDsse} for JSON that was parsed strictly; `pointer` is where it stands. */
export function readDsse(value: unknown, pointer: string): DsseEnvelope {
  const envelope = readObject(value, pointer)
  const signatures = readItems(envelope, 'signatures', { pointer, countMax: DSSE_SIGNATURES_MAX })
  return {
    payloadType: readText(envelope, 'payloadType', pointer),
    payload: readBytes(envelope, 'payload', pointer),
    signatures: signatures.map((item, at) => readSignature(item, `${pointer}/signatures/${at}`)),
  }
}

/** True for JSON that has the three members of an envelope. */
export function looksLikeDsse(value: unknown): boolean {
  const names = ['payload', 'payloadType', 'signatures']
  const object = asObject(value)
  return object !== undefined && names.every((name) => Object.hasOwn(object, name))
}

function readSignature(value: unknown, pointer: string): DsseSignature {
  const item = readObject(value, pointer)
  const keyid = optionalText(item, 'keyid', pointer)
  return {
    ...(keyid === undefined ? {} : { keyid }),
    signature: readBytes(item, 'sig', pointer),
    hasCertificate: memberAt(item, 'cert') !== undefined,
  }
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
