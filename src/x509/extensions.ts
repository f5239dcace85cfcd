/**
 * Certificate extensions (RFC 5280 §4.2) that path validation and did:x509 read. Each is decoded once
 * and may occur once. What is decoded but enforced nowhere, and what is not known, counts as unknown
 * when it is critical; `path.ts` refuses it.
 */
import { decodeUtf8 } from '../bytes/bytes.ts'
import type { Writable } from '../bytes/writable.ts'
import { InputError } from '../errors.ts'
import { decodeOid, readChildren, readDer, readUnsigned, scanDer, TAG } from './der.ts'
import { parseSubjectAltNames } from './general-name.ts'
import type { GeneralName } from './general-name.ts'
import { parseNameConstraints } from './name-constraints.ts'
import type { NameConstraints } from './name-constraints.ts'
import type { RawExtension } from './raw-extension.ts'

const EXTENSIONS_MAX = 64
/** Of the INTEGER, sign bit included: 8,388,607 at most. */
const PATH_LENGTH_BYTES_MAX = 3

/** Bits of the keyUsage extension in their order, RFC 5280 §4.2.1.3. */
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'crlSign',
  'encipherOnly',
  'decipherOnly',
] as const
export type KeyUsageName = (typeof KEY_USAGES)[number]

/** What the extensions say; absent where the certificate has no such extension. */
export interface CertificateExtensions {
  readonly isCa: boolean
  readonly pathLength?: number
  readonly keyUsage?: ReadonlySet<KeyUsageName>
  readonly extendedKeyUsage?: readonly string[]
  readonly subjectAltNames: readonly GeneralName[]
  readonly nameConstraints?: NameConstraints
  readonly subjectKeyId?: Uint8Array
  readonly authorityKeyId?: Uint8Array
  /** Fulcio's OIDC issuer (1.3.6.1.4.1.57264.1.1): the raw text of the extension. */
  readonly fulcioIssuer?: string
  /** Object identifiers of critical extensions that are not enforced here. */
  readonly unknownCritical: readonly string[]
}

const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  fulcioIssuer: '1.3.6.1.4.1.57264.1.1',
} as const

const DER_EXTENSIONS: ReadonlySet<string> = new Set(
  Object.values(OID).filter((oid) => oid !== OID.fulcioIssuer),
)

function malformed(message: string): InputError {
  return new InputError('ERR_X509_MALFORMED', message)
}

type Draft = Writable<CertificateExtensions>

/** `SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }`; many write the FALSE. */
function parseBasicConstraints(value: Uint8Array, draft: Draft): void {
  const fields = readChildren(readDer(value, TAG.sequence))
  if (fields[0]?.tag === TAG.boolean) draft.isCa = fields.shift()?.content[0] === 0xff
  const [pathLength, ...rest] = fields
  if (rest.length > 0) throw malformed('not basic constraints')
  if (pathLength === undefined) return
  const magnitude = readUnsigned(pathLength)
  if (!draft.isCa || pathLength.content.length > PATH_LENGTH_BYTES_MAX) {
    throw malformed('path length constraint without a CA, or out of range')
  }
  draft.pathLength = magnitude.reduce((sum, byte) => 256 * sum + byte, 0)
}

function parseKeyUsage(value: Uint8Array): ReadonlySet<KeyUsageName> {
  const octets = readDer(value, TAG.bitString).content.subarray(1)
  if (octets.length > 2) throw malformed('key usage of more than two bytes')
  const bits = Array.from(octets, (byte) => byte.toString(2).padStart(8, '0')).join('')
  return new Set(KEY_USAGES.filter((_, bit) => bits[bit] === '1'))
}

function parseExtendedKeyUsage(value: Uint8Array): string[] {
  const purposes = readChildren(readDer(value, TAG.sequence))
  if (purposes.length === 0) throw malformed('empty extended key usage')
  return purposes.map(({ tag, content }) => {
    if (tag !== TAG.oid) throw malformed('extended key usage of another type')
    return decodeOid(content)
  })
}

function decodeExtension(oid: string, value: Uint8Array, draft: Draft): boolean {
  // Other extensions need not be DER: Fulcio's hold bare text.
  if (DER_EXTENSIONS.has(oid)) scanDer(value)
  switch (oid) {
    case OID.basicConstraints:
      parseBasicConstraints(value, draft)
      return true
    case OID.keyUsage:
      draft.keyUsage = parseKeyUsage(value)
      return true
    case OID.extendedKeyUsage:
      draft.extendedKeyUsage = parseExtendedKeyUsage(value)
      return true
    case OID.subjectAltName:
      draft.subjectAltNames = parseSubjectAltNames(value)
      return true
    case OID.nameConstraints:
      draft.nameConstraints = parseNameConstraints(value)
      return true
    case OID.certificatePolicies:
      // Every policy is acceptable, so a policy as such restricts nothing (RFC 5280 §6.1.1 (c)).
      return true
    case OID.subjectKeyId:
      draft.subjectKeyId = readDer(value, TAG.octetString).content
      return false
    case OID.authorityKeyId: {
      const keyId = readChildren(readDer(value, TAG.sequence)).find(({ tag }) => tag === 0x80)
      if (keyId !== undefined) draft.authorityKeyId = keyId.content
      return false
    }
    default:
      return false
  }
}

/**
 * Decodes a certificate's extensions.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function decodeExtensions(extensions: readonly RawExtension[]): CertificateExtensions {
  const draft: Draft = { isCa: false, subjectAltNames: [], unknownCritical: [] }
  const unknownCritical: string[] = []
  if (extensions.length > EXTENSIONS_MAX) throw malformed(`more than ${EXTENSIONS_MAX} extensions`)
  for (const { oid, critical, value } of extensions) {
    if (oid === OID.fulcioIssuer) draft.fulcioIssuer = decodeUtf8(value)
    const isEnforced = decodeExtension(oid, value, draft)
    if (critical && !isEnforced) unknownCritical.push(oid)
  }
  return { ...draft, unknownCritical }
}
