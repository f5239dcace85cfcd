/**
 * Revocation lists of a test CA (test-pki.ts): DER by hand, so that everything that a well-behaved CA
 * would not write can be asked for.
 */
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { readChildren, readDer } from '../../src/x509/der.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { signTbs, TEST_NOT_AFTER, TEST_NOT_BEFORE } from './test-pki.ts'
import type { TestCertificate, TestSignature } from './test-pki.ts'

export interface TestListExtension {
  /** Hex of the identifier's content: `551d1c` is 2.5.29.28. */
  readonly oid: string
  readonly critical?: boolean
  readonly value: Uint8Array
}

export interface TestListOptions {
  readonly ca: TestCertificate
  readonly revoked?: readonly TestCertificate[]
  readonly thisUpdate?: Date
  /** `null` leaves it out. */
  readonly nextUpdate?: Date | null
  readonly extensions?: readonly TestListExtension[]
  readonly entryExtensions?: readonly TestListExtension[]
  /** Name this issuer, and sign with the key of `ca` all the same. */
  readonly issuer?: TestCertificate
  readonly version?: 1 | 2
  readonly signature?: TestSignature
}

/** The usual `cRLNumber`, for lists that have extensions anyway. */
const NUMBER: TestListExtension = { oid: '551d14', value: decodeHex('020101') }

function time(date: Date): Uint8Array {
  return encodeDer(0x17, encodeUtf8(`${date.toISOString().replaceAll(/\D/g, '').slice(2, 14)}Z`))
}

function encodeExtensions(extensions: readonly TestListExtension[]): Uint8Array {
  const list = extensions.map(({ oid, critical, value }) =>
    encodeDer(
      0x30,
      encodeDer(6, decodeHex(oid)),
      critical === true ? decodeHex('0101ff') : new Uint8Array(0),
      encodeDer(4, value),
    ),
  )
  return encodeDer(0x30, ...list)
}

/** A list in DER. */
export function makeRevocationList(options: TestListOptions): Uint8Array {
  const { ca, revoked = [], entryExtensions, version = 2, signature = 'default' } = options
  const thisUpdate = options.thisUpdate ?? TEST_NOT_BEFORE
  const nextUpdate = options.nextUpdate === undefined ? TEST_NOT_AFTER : options.nextUpdate
  const entries = revoked.map(({ der }) =>
    encodeDer(
      0x30,
      encodeDer(2, parseCertificate(der).serial),
      time(thisUpdate),
      entryExtensions === undefined ? new Uint8Array(0) : encodeExtensions(entryExtensions),
    ),
  )
  // The algorithm identifier comes from a signature over nothing.
  const [, algorithm] = readChildren(readDer(signTbs(encodeDer(5), ca.privateKey, signature)))
  const tbs = encodeDer(
    0x30,
    version === 2 ? decodeHex('020101') : new Uint8Array(0),
    algorithm!.bytes,
    parseCertificate((options.issuer ?? ca).der).subjectDer,
    time(thisUpdate),
    nextUpdate === null ? new Uint8Array(0) : time(nextUpdate),
    entries.length === 0 ? new Uint8Array(0) : encodeDer(0x30, concatBytes(...entries)),
    version === 2
      ? encodeDer(0xa0, encodeExtensions([NUMBER, ...(options.extensions ?? [])]))
      : new Uint8Array(0),
  )
  return signTbs(tbs, ca.privateKey, signature)
}
