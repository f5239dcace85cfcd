/**
 * X.509 certificates (RFC 5280 §4), parsed into what path validation and did:x509 need. The bytes are
 * bounded and scanned as DER first. Nothing here decides about trust: an unsupported signature
 * algorithm or an unknown critical extension is reported, `path.ts` refuses it.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import { readChildren, readDer, scanDer, TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { decodeExtensions } from './extensions.ts'
import type { CertificateExtensions } from './extensions.ts'
import { decodeSingleByteText, parseName } from './name.ts'
import type { DistinguishedName } from './name.ts'
import { readExtensions } from './raw-extension.ts'
import type { RawExtension } from './raw-extension.ts'
import { parseSignatureAlgorithm } from './signature-algorithm.ts'
import type { CertificateSignatureAlgorithm } from './signature-algorithm.ts'
import { parseSpki } from './spki.ts'
import type { SpkiKey } from './spki.ts'

export const CERTIFICATE_BYTES_MAX: number = 16 * 1024
const TAG_EXTENSIONS = 0xa3
const VERSION_3 = Uint8Array.of(0xa0, 3, 2, 1, 2)

/** A parsed certificate. */
export interface Certificate extends CertificateExtensions {
  readonly der: Uint8Array
  /** The signed bytes. */
  readonly tbs: Uint8Array
  readonly serial: Uint8Array
  readonly subject: DistinguishedName
  readonly issuer: DistinguishedName
  readonly subjectDer: Uint8Array
  readonly issuerDer: Uint8Array
  readonly spki: SpkiKey
  readonly notBefore: UnixSeconds
  readonly notAfter: UnixSeconds
  readonly signatureAlgorithm: CertificateSignatureAlgorithm
  readonly signatureValue: Uint8Array
  /** All of them, as they are written. */
  readonly extensions: readonly RawExtension[]
}

function malformed(message: string, cause?: unknown): InputError {
  return new InputError('ERR_X509_MALFORMED', message, cause === undefined ? undefined : { cause })
}

/**
 * UTCTime or GeneralizedTime in the one form that RFC 5280 §4.1.2.5 allows, as Unix seconds.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function parseTime({ tag, content }: DerElement): UnixSeconds {
  const text = decodeSingleByteText(content)
  let digits = text.slice(0, -1)
  if (tag === 0x17 && digits.length === 12) {
    digits = `${Number(digits.slice(0, 2)) < 50 ? '20' : '19'}${digits}`
  } else if (tag !== 0x18 || digits.length !== 14) throw malformed('validity time of another form')
  if (!text.endsWith('Z') || !/^[0-9]{14}$/.test(digits))
    throw malformed('validity time is not UTC')
  const iso = digits.replace(/^(....)(..)(..)(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6.000Z')
  const milliseconds = Date.parse(iso)
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== iso) {
    throw malformed('validity time does not exist')
  }
  return milliseconds / 1000
}

/** The fields of TBSCertificate, as bytes. */
function readTbs(tbs: DerElement): DerElement[] {
  const fields = readChildren(tbs)
  if (!equalBytes(fields[0]?.bytes ?? tbs.content, VERSION_3))
    throw malformed('only version 3 certificates are supported')
  const tags = fields.slice(1, 7).map((field) => field.tag)
  const expected = [TAG.integer, ...Array.from({ length: 5 }, () => TAG.sequence)]
  if (tags.join() !== expected.join()) throw malformed('not a TBSCertificate')
  let previous = 0xa0 // issuerUniqueID [1], subjectUniqueID [2] and extensions [3], each once
  for (const { tag } of fields.slice(7)) {
    const number = tag % 32
    if (![0x81, 0x82, TAG_EXTENSIONS].includes(tag) || number <= previous % 32) {
      throw malformed('not a TBSCertificate')
    }
    previous = tag
  }
  return fields
}

function parseScanned(der: Uint8Array): Certificate {
  const [tbs, algorithm, signature, ...rest] = readChildren(readDer(der, TAG.sequence))
  if (tbs?.tag !== TAG.sequence || algorithm?.tag !== TAG.sequence)
    throw malformed('no certificate')
  if (signature?.tag !== TAG.bitString || rest.length > 0) throw malformed('not a certificate')
  if (signature.content[0] !== 0) throw malformed('the signature is not a whole number of bytes')
  const fields = readTbs(tbs)
  const [, serial, inner, issuer, validity, subject, spki] = fields as [
    DerElement,
    DerElement,
    DerElement,
    DerElement,
    DerElement,
    DerElement,
    DerElement,
  ]
  // RFC 5280 §4.1.1.2: or an attacker could name another algorithm than the one that was signed.
  if (!equalBytes(inner.bytes, algorithm.bytes)) throw malformed('two signature algorithms differ')
  const [notBefore, notAfter, ...more] = readChildren(validity)
  if (notBefore === undefined || notAfter === undefined || more.length > 0) {
    throw malformed('not a validity period')
  }
  const wrapped = fields.find(({ tag }) => tag === TAG_EXTENSIONS)
  const extensions = wrapped === undefined ? [] : readExtensions(readDer(wrapped.content))
  return {
    der,
    tbs: tbs.bytes,
    serial: serial.content,
    subject: parseName(subject.bytes),
    issuer: parseName(issuer.bytes),
    subjectDer: subject.bytes,
    issuerDer: issuer.bytes,
    spki: parseSpki(spki.bytes),
    notBefore: parseTime(notBefore),
    notAfter: parseTime(notAfter),
    signatureAlgorithm: parseSignatureAlgorithm(algorithm.bytes),
    signatureValue: signature.content.subarray(1),
    extensions,
    ...decodeExtensions(extensions),
  }
}

/**
 * Parses one DER certificate; the bytes are copied.
 * @throws InputError `ERR_X509_MALFORMED` for anything that is not one strict DER certificate of at
 * most {@link CERTIFICATE_BYTES_MAX} bytes with a key of a supported kind.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > CERTIFICATE_BYTES_MAX) {
    throw malformed(`a certificate has at most ${CERTIFICATE_BYTES_MAX} bytes`)
  }
  const own = der.slice()
  try {
    scanDer(own)
    return parseScanned(own)
  } catch (cause) {
    if (!(cause instanceof InputError) || cause.code === 'ERR_X509_MALFORMED') throw cause
    throw malformed(`certificate with another fault: ${cause.message}`, cause)
  }
}
