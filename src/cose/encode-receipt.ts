/**
 * Assembles COSE Receipts (RFC 9942) of our own log: the signature of a tree head, spliced, and the
 * path of one entry or between two heads (D2). Nothing is signed here. Written into one buffer,
 * because a receipt is made for every registration.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { encodeByteString, encodeCbor, headLength, writeHead } from '../cbor/encode.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import { HEADER, PROOF } from './labels.ts'
import { parseSign1 } from './parse-sign1.ts'

/** The two parts of a signed tree head that a receipt repeats. */
export interface ReceiptHead {
  readonly bytes: Uint8Array
}

/** Receipt of inclusion: the head's signature and the entry's own path (D2). Spliced, not re-signed. */
export function encodeInclusionReceipt(head: ReceiptHead, proof: InclusionProof): Uint8Array {
  const { treeSize, leafIndex, inclusionPath } = proof
  return withProof(head, PROOF.inclusion, { integers: [treeSize, leafIndex], path: inclusionPath })
}

/** Receipt of consistency; `head` is the one at `treeSize2`. */
export function encodeConsistencyReceipt(head: ReceiptHead, proof: ConsistencyProof): Uint8Array {
  const { treeSize1, treeSize2, consistencyPath: path } = proof
  return withProof(head, PROOF.consistency, { integers: [treeSize1, treeSize2], path })
}

/** Major types, as `writeHead` takes them. */
const UNSIGNED = 0 * 32
const BYTE_STRING = 2 * 32
const ARRAY = 4 * 32
const HASH_BYTES = 32
/** A hash as a byte string. */
const NODE_BYTES = 2 + HASH_BYTES
/** Tag 18 and an array of four. */
const MESSAGE_HEAD: Uint8Array = Uint8Array.of(0xd2, 0x84)
/** An array of three: the two integers and the path. */
const PROOF_HEAD: Uint8Array = Uint8Array.of(0x83)
const NIL: Uint8Array = Uint8Array.of(0xf6)

/** `{396: {type: [` up to the byte string of the proof. */
const VDP_HEADS: ReadonlyMap<number, Uint8Array> = new Map(
  [PROOF.inclusion, PROOF.consistency].map((type) => [
    type,
    concatBytes(
      Uint8Array.of(0xa1),
      encodeCbor(HEADER.vdp),
      Uint8Array.of(0xa1),
      encodeCbor(type),
      Uint8Array.of(0x81),
    ),
  ]),
)

/** The encoded parts of a head that all its receipts share: a batch of a thousand has one head. */
const encodedHeads = new WeakMap<ReceiptHead, { start: Uint8Array; end: Uint8Array }>()

function encodedHead(head: ReceiptHead): { start: Uint8Array; end: Uint8Array } {
  const known = encodedHeads.get(head)
  if (known !== undefined) return known
  const { protectedBytes, signature } = parseSign1(head.bytes)
  const start = concatBytes(MESSAGE_HEAD, encodeByteString(protectedBytes))
  const encoded = { start, end: concatBytes(NIL, encodeByteString(signature)) }
  encodedHeads.set(head, encoded)
  return encoded
}

interface Proof {
  readonly integers: readonly [number, number]
  readonly path: readonly Uint8Array[]
}

function withProof(head: ReceiptHead, type: number, { integers, path }: Proof): Uint8Array {
  const { start, end } = encodedHead(head)
  const vdpHeads = VDP_HEADS.get(type)!
  const [first, second] = integers
  const headsLength = headLength(first) + headLength(second) + headLength(path.length)
  const proofLength = PROOF_HEAD.length + headsLength + path.length * NODE_BYTES
  const length = start.length + vdpHeads.length + headLength(proofLength) + proofLength + end.length
  const receipt = new Uint8Array(length)
  receipt.set(start)
  receipt.set(vdpHeads, start.length)
  let at = writeHead(receipt, start.length + vdpHeads.length, BYTE_STRING, proofLength)
  receipt.set(PROOF_HEAD, at)
  at = writeHead(receipt, at + PROOF_HEAD.length, UNSIGNED, first)
  at = writeHead(receipt, at, UNSIGNED, second)
  at = writeHead(receipt, at, ARRAY, path.length)
  for (const hash of path) {
    at = writeHead(receipt, at, BYTE_STRING, HASH_BYTES)
    receipt.set(hash, at)
    at += HASH_BYTES
  }
  receipt.set(end, at)
  return receipt
}
