/**
 * COSE header parameters and CWT claims by name (standards.md §8), with the known ones explained:
 * algorithms, times, certificates, thumbprints. Unknown ones are shown as they are.
 */
import { X509Certificate } from 'node:crypto'
import { encodeHex } from '../../bytes/hex.ts'
import { CborTag } from '../../cbor/decode.ts'
import type { CborMap, CborValue } from '../../cbor/decode.ts'
import { formatTime } from '../terminal.ts'
import { bytesText, cborItem, isMap, keyText } from './cbor-text.ts'
import type { Item } from './item.ts'

const HEADER_NAMES: ReadonlyMap<CborValue, string> = new Map<CborValue, string>([
  [1, 'alg'],
  [2, 'crit'],
  [3, 'content type'],
  [4, 'kid'],
  [5, 'IV'],
  [6, 'Partial IV'],
  [13, 'CWT claims (legacy label)'],
  [14, 'CWT claims (legacy label)'],
  [15, 'CWT claims'],
  [16, 'typ'],
  [32, 'x5bag'],
  [33, 'x5chain'],
  [34, 'x5t'],
  [35, 'x5u'],
  [258, 'payload hash algorithm'],
  [259, 'preimage content type'],
  [260, 'payload location'],
  [269, '3161-ttc'],
  [270, '3161-ctt'],
  [391, 'issuer (legacy)'],
  [392, 'feed (legacy)'],
  [393, 'registration info (legacy)'],
  [394, 'receipts'],
  [395, 'vds'],
  [396, 'vdp'],
])

const CLAIM_NAMES: ReadonlyMap<CborValue, string> = new Map<CborValue, string>([
  [1, 'iss'],
  [2, 'sub'],
  [3, 'aud'],
  [4, 'exp'],
  [5, 'nbf'],
  [6, 'iat'],
  [7, 'cti'],
  [-65537, 'tree size'],
])

const ALGORITHMS: ReadonlyMap<CborValue, string> = new Map<CborValue, string>([
  [-7, 'ES256'],
  [-9, 'ESP256'],
  [-8, 'EdDSA'],
  [-19, 'Ed25519'],
  [-35, 'ES384'],
  [-51, 'ESP384'],
  [-36, 'ES512'],
  [-52, 'ESP512'],
  [-37, 'PS256'],
  [-38, 'PS384'],
  [-39, 'PS512'],
  [-53, 'Ed448'],
  [-257, 'RS256'],
  [-258, 'RS384'],
  [-259, 'RS512'],
  [-48, 'ML-DSA-44'],
  [-49, 'ML-DSA-65'],
  [-50, 'ML-DSA-87'],
])

const HASHES: ReadonlyMap<CborValue, string> = new Map<CborValue, string>([
  [-14, 'SHA-1'],
  [-16, 'SHA-256'],
  [-43, 'SHA-384'],
  [-44, 'SHA-512'],
])

const STRUCTURES: ReadonlyMap<CborValue, string> = new Map<CborValue, string>([
  [1, 'RFC9162_SHA256'],
  [2, 'CCF ledger'],
  [3, 'MMR, not supported'],
])

/** Name of a COSE algorithm, or `undefined`. */
export function algorithmName(algorithm: CborValue): string | undefined {
  return ALGORITHMS.get(algorithm)
}

/** All parameters of a header map. Receipts and proofs (394, 396) are left to the caller. */
export function headerItems(header: CborMap): Item[] {
  return [...header].map(([label, value]) => {
    const known = HEADER_NAMES.get(label)
    const name = known === undefined ? keyText(label) : `${known} (${keyText(label)})`
    return headerItem(label, name, value)
  })
}

function headerItem(label: CborValue, name: string, value: CborValue): Item {
  switch (label) {
    case 1:
      return annotated(name, value, ALGORITHMS)
    case 4:
      return { name, ...bytesWithText(value) }
    case 13:
    case 14:
    case 15:
      return isMap(value) ? { name, items: claimItems(value) } : cborItem(name, value)
    case 32:
    case 33:
      return { name, items: certificateItems(value) }
    case 34:
      return thumbprintItem(name, value)
    case 258:
      return annotated(name, value, HASHES)
    case 394:
      return { name, note: Array.isArray(value) ? `${value.length}, below` : 'not a list' }
    case 395:
      return annotated(name, value, STRUCTURES)
    case 396:
      return { name, note: 'proofs, below' }
    default:
      return cborItem(name, value)
  }
}

function annotated(name: string, value: CborValue, names: ReadonlyMap<CborValue, string>): Item {
  const item = cborItem(name, value)
  return item.items === undefined ? { ...item, note: names.get(value) ?? 'unknown' } : item
}

function claimItems(claims: CborMap): Item[] {
  return [...claims].map(([key, value]) => {
    const known = CLAIM_NAMES.get(key)
    const name = known === undefined ? keyText(key) : `${known} (${keyText(key)})`
    const isTime = key === 4 || key === 5 || key === 6
    // Tag 1 is not allowed here (RFC 8392 §2) and occurs.
    const seconds = value instanceof CborTag && value.tag === 1 ? value.value : value
    if (!isTime || typeof seconds !== 'number') return cborItem(name, value)
    const tagged = seconds === value ? '' : 'tag 1, '
    return { name, value: String(seconds), note: tagged + formatTime(seconds) }
  })
}

/** A byte string; when it is printable ASCII (CCF kids are), the text too. */
function bytesWithText(value: CborValue): { value: string; note?: string } {
  if (!(value instanceof Uint8Array)) return { value: keyText(value) }
  const text = String.fromCharCode(...value.subarray(0, 128))
  const printable = value.length > 0 && value.length <= 128 && /^[\x20-\x7e]+$/.test(text)
  return { value: bytesText(value), ...(printable ? { note: `"${text}"` } : {}) }
}

function thumbprintItem(name: string, value: CborValue): Item {
  if (!Array.isArray(value)) return cborItem(name, value)
  const [hash, print] = value as readonly CborValue[]
  if (!(print instanceof Uint8Array)) return cborItem(name, value)
  return { name, value: encodeHex(print), note: HASHES.get(hash) ?? `hash ${keyText(hash)}` }
}

/** x5chain and x5bag: one certificate as a byte string, or a list of them. */
export function certificateItems(value: CborValue): Item[] {
  const list = Array.isArray(value) ? (value as readonly CborValue[]) : [value]
  return list.map((der, index) =>
    der instanceof Uint8Array ? certificateItem(`[${index}]`, der) : cborItem(`[${index}]`, der),
  )
}

/** One DER certificate: names, validity, fingerprint. Shown only; nothing is checked. */
export function certificateItem(name: string, der: Uint8Array): Item {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(der)
  } catch {
    return { name, value: bytesText(der), note: 'not a certificate' }
  }
  const oneLine = (text: string): string => text.replaceAll('\n', ', ')
  const alternative = certificate.subjectAltName
  return {
    name,
    value: oneLine(certificate.subject),
    note: certificate.ca ? 'CA' : 'end entity',
    items: [
      { name: 'issued by', value: oneLine(certificate.issuer) },
      ...(alternative === undefined ? [] : [{ name: 'also named', value: alternative }]),
      { name: 'valid', value: `${dateOf(certificate.validFrom)} … ${dateOf(certificate.validTo)}` },
      {
        name: 'sha-256',
        value: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      },
    ],
  }
}

function dateOf(text: string): string {
  const milliseconds = Date.parse(text)
  return Number.isNaN(milliseconds) ? text : formatTime(Math.floor(milliseconds / 1000))
}
