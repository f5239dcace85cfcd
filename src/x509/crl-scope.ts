/**
 * What a partitioned revocation list covers: the issuingDistributionPoint extension (RFC 5280 §5.2.5),
 * matched against a certificate's cRLDistributionPoints (§4.2.1.13) by equal URI. Only lists of the
 * issuer's own certificates and for all reasons are read; others cover nothing.
 */
import { InputError } from '../errors.ts'
import type { Certificate } from './certificate.ts'
import { readChildren, readDer, scanDer, TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { decodeSingleByteText } from './name.ts'
import { extensionValues } from './raw-extension.ts'

const OID_CRL_DISTRIBUTION_POINTS = '2.5.29.31'
const TAG_FULL_NAME = 0xa0
const TAG_URI = 0x86

/** What certificates a list speaks about. */
export interface RevocationScope {
  /** The list covers certificates that name one of these; absent, it covers all. */
  readonly uris?: readonly string[]
  readonly only?: 'user' | 'ca'
  /** An indirect list, one of some reasons, or of attribute certificates: covers nothing here. */
  readonly isForeign: boolean
}

function malformed(message: string): InputError {
  return new InputError('ERR_X509_MALFORMED', message)
}

/** URIs of a DistributionPointName; a name in another form has none. */
function readUris(name: DerElement): string[] {
  const [choice, ...rest] = readChildren(name)
  if (choice === undefined || rest.length > 0) throw malformed('not a distribution point name')
  if (choice.tag !== TAG_FULL_NAME) return []
  return readChildren(choice)
    .filter(({ tag }) => tag === TAG_URI)
    .map(({ content }) => decodeSingleByteText(content))
}

/**
 * Reads the value of an issuingDistributionPoint extension.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function parseIssuingDistributionPoint(value: Uint8Array): RevocationScope {
  scanDer(value)
  let uris: readonly string[] | undefined
  let only: 'user' | 'ca' | undefined
  let isForeign = false
  let previous = -1
  for (const field of readChildren(readDer(value, TAG.sequence))) {
    const number = field.tag % 32
    if (field.tag < 0x80 || number <= previous || number > 5) {
      throw malformed('not an issuing distribution point')
    }
    previous = number
    if (field.tag === 0xa0) uris = readUris(field)
    else if (number === 0) throw malformed('not an issuing distribution point')
    else if (number === 3) isForeign = true
    else if (field.content.length !== 1) throw malformed('not an issuing distribution point')
    else if (field.content[0] === 0) continue
    else if (number <= 2 && only === undefined) only = number === 1 ? 'user' : 'ca'
    else isForeign = true
  }
  return {
    ...(uris === undefined ? {} : { uris }),
    ...(only === undefined ? {} : { only }),
    isForeign,
  }
}

/** URIs under which a certificate says that its issuer's lists are found. */
function distributionUris(certificate: Certificate): string[] {
  const value = extensionValues(certificate).get(OID_CRL_DISTRIBUTION_POINTS)
  if (value === undefined) return []
  scanDer(value)
  return readChildren(readDer(value, TAG.sequence)).flatMap((point) => {
    const name = readChildren(point).find(({ tag }) => tag === 0xa0)
    return name === undefined ? [] : readUris(name)
  })
}

/**
 * True when a list of this scope speaks about the certificate.
 * @throws InputError `ERR_X509_MALFORMED` when the certificate's own extension does not parse.
 */
export function coversCertificate(scope: RevocationScope, certificate: Certificate): boolean {
  if (scope.isForeign) return false
  if (scope.only !== undefined && (scope.only === 'ca') !== certificate.isCa) return false
  if (scope.uris === undefined) return true
  const own = distributionUris(certificate)
  return scope.uris.some((uri) => own.includes(uri))
}
