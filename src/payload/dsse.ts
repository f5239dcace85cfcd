/**
 * DSSE envelopes (secure-systems-lab/dsse v1), read strictly; verify-dsse.ts verifies them. `keyid` is a
 * hint that nobody signed. Certificates inside a signature (`cert`, an extension) are not read: without
 * a time that somebody vouches for they identify nobody.
 */
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
