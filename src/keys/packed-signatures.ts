/** Signatures on their way to another thread: their bytes in one buffer that is handed over. */
import type { SignatureRequest, SignatureScheme } from '../x509/signature-verifier.ts'

export interface PackedSignatures {
  /** What they share: one key or scheme is there once. */
  readonly schemes: readonly SignatureScheme[]
  readonly spkis: readonly Uint8Array[]
  /** Of each signature four numbers: its scheme, its key, the lengths of data and signature. */
  readonly items: Uint32Array<ArrayBuffer>
  /** Data and signature of each, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

const NUMBERS = 4

export function packSignatures(requests: readonly SignatureRequest[]): PackedSignatures {
  const [schemes, spkis]: [SignatureScheme[], Uint8Array[]] = [[], []]
  const items = new Uint32Array(requests.length * NUMBERS)
  let length = 0
  for (const [at, { scheme, spki, data, signature }] of requests.entries()) {
    const own = [placeOf(schemes, scheme), placeOf(spkis, spki), data.length, signature.length]
    items.set(own, at * NUMBERS)
    length += data.length + signature.length
  }
  const bytes = new Uint8Array(length)
  let end = 0
  for (const { data, signature } of requests) {
    bytes.set(data, end)
    bytes.set(signature, (end += data.length))
    end += signature.length
  }
  // A view would be cloned with all that lies around it.
  return { schemes, spkis: spkis.map((spki) => spki.slice()), items, bytes }
}

export function unpackSignatures({
  schemes,
  spkis,
  items,
  bytes,
}: PackedSignatures): SignatureRequest[] {
  let end = 0
  const take = (length: number): Uint8Array => bytes.subarray(end, (end += length))
  return Array.from({ length: items.length / NUMBERS }, (_, at) => {
    const [scheme, key, dataLength, length] = items.subarray(at * NUMBERS, (at + 1) * NUMBERS)
    const data = take(dataLength!)
    return { scheme: schemes[scheme!]!, spki: spkis[key!]!, data, signature: take(length!) }
  })
}

/** By identity: algorithms are constants, and a trust anchor's key is the same object each time. */
function placeOf<Value>(all: Value[], value: Value): number {
  const at = all.indexOf(value)
  return at < 0 ? all.push(value) - 1 : at
}
