/**
 * COSE_Sign1 messages: Signed and Transparent Statements, Receipts, signed tree heads. Reads what is
 * there and names it; verifies nothing, and says so.
 */
import { decodeUtf8 } from '../../bytes/bytes.ts'
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { decodeCbor } from '../../cbor/decode.ts'
import type { CborValue } from '../../cbor/decode.ts'
import { parseSign1 } from '../../cose/parse-sign1.ts'
import type { CoseSign1 } from '../../cose/parse-sign1.ts'
import { readAttestedHeader } from '../../payload/tee/attested-header.ts'
import { parseSignedStatement } from '../../statement/signed-statement.ts'
import { bytesText, cborItem, isMap, keyText } from './cbor-text.ts'
import { inspectEar } from './ear.ts'
import { inspectEvidence } from './evidence.ts'
import { headerItems } from './headers.ts'
import type { Inspection, Item } from './item.ts'
import { tryRead } from './try-read.ts'

const RECEIPTS_SHOWN = 64
const PREVIEW_CHARACTERS = 200

/**
 * What a COSE_Sign1 holds.
 * @throws InputError when the bytes are not a COSE_Sign1.
 */
export function inspectSign1(bytes: Uint8Array): Inspection {
  const message = parseSign1(bytes)
  const receipts = receiptsOf(message)
  const kind = kindOf(message, receipts.length)
  return {
    kind,
    items: [
      ...entryItems(bytes, kind),
      { name: 'protected header', items: headerItems(message.protectedHeader) },
      unprotectedItem(message),
      ...attestedItems(message),
      payloadItem(message),
      { name: 'signature', value: bytesText(message.signature), note: 'not verified' },
      ...receipts.slice(0, RECEIPTS_SHOWN).map(receiptItem),
      ...proofItems(message),
    ],
  }
}

function kindOf(message: CoseSign1, receipts: number): string {
  if (receipts > 0) {
    return `Transparent Statement with ${receipts} receipt${receipts === 1 ? '' : 's'}`
  }
  if (message.protectedHeader.has(395)) {
    const vdp = message.unprotectedHeader.get(396)
    if (vdp === undefined) return 'signed tree head'
    return isMap(vdp) && vdp.has(-2) ? 'Receipt of consistency' : 'Receipt of inclusion'
  }
  return message.protectedHeader.has(15) ? 'Signed Statement' : 'COSE_Sign1'
}

function entryItems(bytes: Uint8Array, kind: string): Item[] {
  if (!kind.includes('Statement')) return []
  try {
    const { entryId } = parseSignedStatement(bytes)
    return [{ name: 'entry id', value: entryId, note: 'sha-256 of the canonical entry' }]
  } catch (error) {
    return [{ name: 'entry id', value: 'none', note: (error as Error).message }]
  }
}

function unprotectedItem(message: CoseSign1): Item {
  const items = headerItems(message.unprotectedHeader)
  return items.length === 0
    ? { name: 'unprotected header', value: 'empty' }
    : { name: 'unprotected header', note: 'not signed', items }
}

/** Where a service that signs from an attested environment runs: a policy lists its host data. */
function attestedItems({ protectedHeader }: CoseSign1): Item[] {
  const header = tryRead(() => readAttestedHeader(protectedHeader))
  const evidence = header === undefined ? undefined : inspectEvidence(header.attestation)
  if (evidence === undefined) return []
  const { kind, items } = evidence
  return [{ name: 'attested by', value: kind, note: 'not verified', items }]
}

function payloadItem(message: CoseSign1): Item {
  const { payload, protectedHeader } = message
  if (payload === null) return { name: 'payload', value: 'detached' }
  const length = `${payload.length} bytes`
  if (protectedHeader.has(258)) {
    return { name: 'payload', value: encodeHex(payload), note: `digest, ${length}` }
  }
  if (protectedHeader.has(395) && payload.length === 32) {
    return { name: 'root hash', value: encodeHex(payload) }
  }
  const digest: Item = { name: 'sha-256', value: encodeHex(sha256(payload)) }
  return { name: 'payload', value: length, items: [digest, ...contentItems(payload)] }
}

/** Evidence, results and in-toto statements by their members, other text by its beginning. */
function contentItems(payload: Uint8Array): Item[] {
  const evidence = inspectEvidence(payload) ?? inspectEar(payload)
  if (evidence !== undefined) return [{ name: evidence.kind, items: evidence.items }]
  let text: string
  try {
    text = decodeUtf8(payload)
  } catch {
    return [{ name: 'begins', value: bytesText(payload.subarray(0, 32)) }]
  }
  const known = inTotoItems(text)
  if (known.length > 0) return known
  const rest = text.length > PREVIEW_CHARACTERS ? '…' : ''
  return [{ name: 'begins', value: text.slice(0, PREVIEW_CHARACTERS) + rest }]
}

function inTotoItems(text: string): Item[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return []
  }
  if (typeof value !== 'object' || value === null || !('predicateType' in value)) return []
  const { _type: type, predicateType, subject } = value as Record<string, unknown>
  const subjects = Array.isArray(subject) ? (subject as unknown[]) : []
  return [
    { name: 'type', value: String(type) },
    { name: 'predicate type', value: String(predicateType) },
    ...subjects
      .slice(0, 10)
      .map((member): Item => ({ name: 'subject', value: JSON.stringify(member).slice(0, 400) })),
    ...(subjects.length > 10 ? [{ name: `… and ${subjects.length - 10} more subjects` }] : []),
  ]
}

function receiptsOf(message: CoseSign1): readonly CborValue[] {
  const value = message.unprotectedHeader.get(394)
  return Array.isArray(value) ? (value as readonly CborValue[]) : []
}

function receiptItem(receipt: CborValue, index: number): Item {
  const name = `receipt ${index + 1}`
  if (!(receipt instanceof Uint8Array)) return cborItem(name, receipt)
  try {
    const inspection = inspectSign1(receipt)
    return { name, note: `${inspection.kind}, ${receipt.length} bytes`, items: inspection.items }
  } catch (error) {
    return { name, value: bytesText(receipt), note: (error as Error).message }
  }
}

function proofItems(message: CoseSign1): Item[] {
  const proofs = message.unprotectedHeader.get(396)
  if (!isMap(proofs)) return []
  const ccf = message.protectedHeader.get(395) === 2
  return [...proofs].flatMap(([label, list]) => {
    const entries = Array.isArray(list) ? (list as readonly CborValue[]) : [list]
    return entries.slice(0, RECEIPTS_SHOWN).map((proof) => proofItem(label, proof, ccf))
  })
}

function proofItem(label: CborValue, encoded: CborValue, ccf: boolean): Item {
  const name =
    label === -1
      ? 'inclusion proof'
      : label === -2
        ? 'consistency proof'
        : `proof ${keyText(label)}`
  if (!(encoded instanceof Uint8Array)) return cborItem(name, encoded)
  let proof: CborValue
  try {
    proof = decodeCbor(encoded)
  } catch (error) {
    return { name, value: bytesText(encoded), note: (error as Error).message }
  }
  if (ccf || !Array.isArray(proof) || proof.length !== 3) return cborItem(name, proof)
  const [first, second, path] = proof as readonly CborValue[]
  const names = label === -2 ? ['tree size 1', 'tree size 2'] : ['tree size', 'leaf index']
  return {
    name,
    items: [cborItem(names[0]!, first), cborItem(names[1]!, second), cborItem('path', path)],
  }
}
