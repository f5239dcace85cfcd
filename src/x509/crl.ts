/**
 * Certificate revocation lists (RFC 5280 §5), complete ones of version 2. A list is bounded and scanned
 * as DER, then read; check-crl.ts says whether it may be believed. Whatever narrows a list is either
 * understood and honoured (crl-scope.ts) or refuses it: delta lists, indirect lists and unknown critical
 * extensions never count as "not revoked".
 */
import { equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import { parseTime } from './certificate.ts'
import { parseIssuingDistributionPoint } from './crl-scope.ts'
import type { RevocationScope } from './crl-scope.ts'
import { readChildren, readDer, scanDer, TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { parseName } from './name.ts'
import type { DistinguishedName } from './name.ts'
import { readExtensions } from './raw-extension.ts'
import type { RawExtension } from './raw-extension.ts'
import { parseSignatureAlgorithm } from './signature-algorithm.ts'
import type { CertificateSignatureAlgorithm } from './signature-algorithm.ts'

export const CRL_BYTES_MAX: number = 1024 * 1024
const ELEMENTS_MAX = 250_000
const TAG_CRL_EXTENSIONS = 0xa0
const TIME_TAGS: readonly number[] = [0x17, 0x18]
const VERSION_2 = Uint8Array.of(2, 1, 1)
const OID_ISSUING_DISTRIBUTION_POINT = '2.5.29.28'
/** Known and without weight here: cRLNumber, authorityKeyIdentifier, issuerAltName, freshestCRL. */
const OIDS_WITHOUT_WEIGHT = ['2.5.29.20', '2.5.29.35', '2.5.29.18', '2.5.29.46']

/** A parsed list. Nothing in it is to be believed before `checkRevocationList`. */
export interface RevocationList {
  readonly der: Uint8Array
  readonly tbs: Uint8Array
  readonly issuer: DistinguishedName
  readonly thisUpdate: UnixSeconds
  readonly nextUpdate: UnixSeconds
  /** Serial numbers, as the hex of the INTEGER's content. */
  readonly revoked: ReadonlySet<string>
  readonly scope?: RevocationScope
  /** Critical extensions, of the list or of an entry, that are not understood here. */
  readonly unknownCritical: readonly string[]
  readonly signatureAlgorithm: CertificateSignatureAlgorithm
  readonly signatureValue: Uint8Array
}

function malformed(message: string, cause?: unknown): InputError {
  return new InputError('ERR_X509_MALFORMED', message, cause === undefined ? undefined : { cause })
}

const criticalOnes = (extensions: readonly RawExtension[]): string[] =>
  extensions.filter(({ critical }) => critical).map(({ oid }) => oid)

interface RevokedEntries {
  readonly revoked: ReadonlySet<string>
  readonly critical: readonly string[]
}

function readRevoked(list: DerElement | undefined): RevokedEntries {
  const revoked = new Set<string>()
  const critical = new Set<string>()
  for (const entry of list === undefined ? [] : readChildren(list, ELEMENTS_MAX)) {
    const [serial, time, extensions, ...rest] =
      entry.tag === TAG.sequence ? readChildren(entry) : []
    if (serial?.tag !== TAG.integer || time === undefined || rest.length > 0) {
      throw malformed('not a revoked certificate')
    }
    parseTime(time)
    revoked.add(encodeHex(serial.content))
    // certificateIssuer, the one that RFC 5280 knows, would make this another issuer's certificate.
    if (extensions !== undefined) {
      for (const oid of criticalOnes(readExtensions(extensions))) critical.add(oid)
    }
  }
  return { revoked, critical: [...critical] }
}

function parseScanned(der: Uint8Array): RevocationList {
  const [tbs, algorithm, signature, ...rest] = readChildren(readDer(der, TAG.sequence))
  if (tbs?.tag !== TAG.sequence || algorithm?.tag !== TAG.sequence || rest.length > 0)
    throw malformed('not a revocation list')
  if (signature?.tag !== TAG.bitString || signature.content[0] !== 0)
    throw malformed('not a revocation list')
  const fields = readChildren(tbs)
  const [version, inner, issuer, thisUpdate, nextUpdate] = fields
  if (!equalBytes(version?.bytes ?? der, VERSION_2)) throw malformed('only version 2 is supported')
  if (inner === undefined || !equalBytes(inner.bytes, algorithm.bytes))
    throw malformed('two signature algorithms differ')
  if (issuer?.tag !== TAG.sequence || thisUpdate === undefined) throw malformed('not a TBSCertList')
  // RFC 5280 §5.1.2.5 demands it; a list without an end would be believed for ever.
  if (nextUpdate === undefined || !TIME_TAGS.includes(nextUpdate.tag))
    throw malformed('the list does not say when it ends')
  const tail = fields.slice(5)
  const entries = tail[0]?.tag === TAG.sequence ? tail.shift() : undefined
  const wrapped = tail[0]?.tag === TAG_CRL_EXTENSIONS ? tail.shift() : undefined
  if (tail.length > 0) throw malformed('not a TBSCertList')
  const extensions =
    wrapped === undefined ? [] : readExtensions(readDer(wrapped.content, TAG.sequence))
  const point = extensions.find(({ oid }) => oid === OID_ISSUING_DISTRIBUTION_POINT)
  const { revoked, critical } = readRevoked(entries)
  const understood = [OID_ISSUING_DISTRIBUTION_POINT, ...OIDS_WITHOUT_WEIGHT]
  const unknown = criticalOnes(extensions).filter((oid) => !understood.includes(oid))
  return {
    der,
    tbs: tbs.bytes,
    issuer: parseName(issuer.bytes),
    thisUpdate: parseTime(thisUpdate),
    nextUpdate: parseTime(nextUpdate),
    revoked,
    ...(point === undefined ? {} : { scope: parseIssuingDistributionPoint(point.value) }),
    unknownCritical: [...unknown, ...critical],
    signatureAlgorithm: parseSignatureAlgorithm(algorithm.bytes),
    signatureValue: signature.content.subarray(1),
  }
}

/**
 * Parses one DER list; the bytes are copied.
 * @throws InputError `ERR_X509_MALFORMED` for anything that is not one strict DER list of at most
 * {@link CRL_BYTES_MAX} bytes.
 */
export function parseRevocationList(der: Uint8Array): RevocationList {
  if (der.length > CRL_BYTES_MAX) {
    throw malformed(`a revocation list has at most ${CRL_BYTES_MAX} bytes`)
  }
  const own = der.slice()
  try {
    scanDer(own, ELEMENTS_MAX)
    return parseScanned(own)
  } catch (cause) {
    if (!(cause instanceof InputError) || cause.code === 'ERR_X509_MALFORMED') throw cause
    throw malformed(`revocation list with another fault: ${cause.message}`, cause)
  }
}
