/**
 * Assembles COSE Receipts (RFC 9942) of our own log: the signature of a tree head, spliced, and the
 * path of one entry or between two heads (D2). Nothing is signed here. Written into one buffer,
 * because a receipt is made for every registration.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { encodeByteString, encodeCbor, encodeHead } from '../cbor/encode.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import { HEADER, PROOF } from './labels.ts'
import { parseSign1 } from './sign1.ts'

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

const UNSIGNED = 0
const BYTE_STRING = 2
const ARRAY = 4
const HASH_BYTES = 32
/** Head of a byte string of 32 bytes. */
const HASH_HEAD = [0x58, HASH_BYTES] as const
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
  const before = concatBytes(
    PROOF_HEAD,
    encodeHead(UNSIGNED, integers[0]),
    encodeHead(UNSIGNED, integers[1]),
    encodeHead(ARRAY, path.length),
  )
  const pathBytes = path.length * (HASH_HEAD.length + HASH_BYTES)
  const proofHead = encodeHead(BYTE_STRING, before.length + pathBytes)
  const prefix = [start, VDP_HEADS.get(type)!, proofHead, before]
  const prefixBytes = prefix.reduce((sum, part) => sum + part.length, 0)
  const receipt = new Uint8Array(prefixBytes + pathBytes + end.length)
  let at = 0
  for (const part of prefix) {
    receipt.set(part, at)
    at += part.length
  }
  for (const hash of path) {
    receipt.set(HASH_HEAD, at)
    receipt.set(hash, at + HASH_HEAD.length)
    at += HASH_HEAD.length + HASH_BYTES
  }
  receipt.set(end, at)
  return receipt
}
