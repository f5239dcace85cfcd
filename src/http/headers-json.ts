/**
 * The protected header of a statement as JSON: parameters that are understood by name, the others
 * under their label. Bytes are hex, certificates their SHA-256; nothing here is verified.
 */
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { CborTag } from '../cbor/decode.ts'
import type { CborMap, CborValue } from '../cbor/decode.ts'
import { algorithmById } from '../cose/algorithms.ts'
import { HEADER } from '../cose/labels.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'

const NAMED: ReadonlySet<CborValue> = new Set<CborValue>([
  ...[HEADER.algorithm, HEADER.contentType, HEADER.keyId, HEADER.cwtClaims],
  ...[HEADER.x5chain, HEADER.x5t],
  ...[HEADER.payloadHashAlgorithm, HEADER.preimageContentType, HEADER.payloadLocation],
])
const CLAIMS_NAMED: ReadonlySet<CborValue> = new Set<CborValue>([1, 2, 6])

export function headersJson({ headers, message }: SignedStatement): Record<string, unknown> {
  const { algorithm, keyId, x5chain, x5t, hashEnvelope, ...plain } = headers
  const claims = message.protectedHeader.get(HEADER.cwtClaims)
  return {
    algorithm: algorithm === undefined ? undefined : algorithmName(algorithm),
    contentType: plain.contentType,
    keyId: keyId === undefined ? undefined : encodeHex(keyId),
    issuer: plain.issuer,
    subject: plain.subject,
    issuedAt: plain.issuedAt,
    certificates: x5chain?.map((der) => `sha256:${encodeHex(sha256(der))}`),
    x5t: x5t === undefined ? undefined : { algorithm: x5t.algorithm, hash: encodeHex(x5t.hash) },
    hashEnvelope,
    claims: others(claims instanceof Map ? claims : new Map(), CLAIMS_NAMED),
    others: others(message.protectedHeader, NAMED),
  }
}

function algorithmName(id: number): string {
  try {
    return algorithmById(id).name
  } catch {
    return String(id)
  }
}

function others(map: CborMap, named: ReadonlySet<CborValue>): object | undefined {
  const rest = [...map].filter(([label]) => !named.has(label))
  if (rest.length === 0) return undefined
  return Object.fromEntries(rest.map(([label, value]) => [keyOf(label), plainJson(value)]))
}

function keyOf(label: CborValue): string {
  return typeof label === 'string' ? label : JSON.stringify(plainJson(label))
}

/** The scan before the decoder bounds depth and size. */
function plainJson(value: CborValue): unknown {
  if (value instanceof Uint8Array) return `h'${encodeHex(value)}'`
  if (value instanceof CborTag) return { tag: value.tag, value: plainJson(value.value) }
  if (Array.isArray(value)) return (value as readonly CborValue[]).map(plainJson)
  if (value instanceof Map) {
    const map = value as CborMap
    return Object.fromEntries([...map].map(([key, item]) => [keyOf(key), plainJson(item)]))
  }
  if (typeof value === 'bigint') return value.toString()
  return value === undefined ? null : value
}
