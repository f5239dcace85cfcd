/**
 * The certificate table that a host hands a SEV-SNP guest, in configfs-tsm the `auxblob` (GHCB
 * specification, "SNP extended guest request"): rows of GUID 16 | offset u32 | length u32, ended by a
 * zero GUID, then the contents, in DER or PEM. Hosts write GUIDs in either byte order; both are read.
 */
import { concatBytes } from '../../bytes/bytes.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { readCertificates } from './certificate-chain.ts'
import { EvidenceError } from './evidence.ts'

const ROW_BYTES = 24
const ROWS_MAX = 32

const NAMES = new Map<string, 'certificate' | 'crl'>([
  ['63da758de6644564adc5f4b93be8accd', 'certificate'], // VCEK
  ['a8074bc2a25a483eaae639c045a0b8a1', 'certificate'], // VLEK
  ['4ab7b379bbac4fe4a02f05aef327c782', 'certificate'], // ASK, ASVK
  ['c0b406a4a803495297433fb6014cd0ae', 'certificate'], // ARK
  ['92f81bc358114d3d97ffd19f88dc67ea', 'crl'],
])

/** What the host's table holds; rows of other GUIDs are left out. */
export interface SnpCertificateTable {
  readonly certificates: readonly Certificate[]
  readonly crls: readonly Uint8Array[]
}

/** The same GUID with its first three fields little-endian, as UEFI writes it. */
function swapped(guid: Uint8Array): Uint8Array {
  const part = (from: number, to: number): Uint8Array => guid.slice(from, to).reverse()
  return concatBytes(part(0, 4), part(4, 6), part(6, 8), guid.subarray(8))
}

/**
 * Parses a table.
 * @throws EvidenceError `truncated`, `malformed` or `chain-malformed`.
 */
export function parseSnpCertificateTable(bytes: Uint8Array): SnpCertificateTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const certificates: Certificate[] = []
  const crls: Uint8Array[] = []
  for (let row = 0; ; row++) {
    const start = row * ROW_BYTES
    if (row >= ROWS_MAX) throw new EvidenceError('malformed', `more than ${ROWS_MAX} certificates`)
    // The last row may be cut short: a zero GUID says all there is to say.
    const guid = bytes.subarray(start, start + 16)
    if (guid.length < 16) throw new EvidenceError('truncated', 'the certificate table has no end')
    if (guid.every((byte) => byte === 0)) return { certificates, crls }
    if (start + ROW_BYTES > bytes.length) {
      throw new EvidenceError('truncated', 'the certificate table ends inside a row')
    }
    const offset = view.getUint32(start + 16, true)
    const length = view.getUint32(start + 20, true)
    if (offset + length > bytes.length) {
      throw new EvidenceError('truncated', 'a certificate lies behind the end of its table')
    }
    const kind = NAMES.get(encodeHex(guid)) ?? NAMES.get(encodeHex(swapped(guid)))
    const content = bytes.subarray(offset, offset + length)
    if (kind === 'certificate') certificates.push(...readCertificates(content))
    else if (kind === 'crl') crls.push(content)
  }
}
