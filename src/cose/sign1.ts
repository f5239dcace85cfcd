/**
 * Signs and verifies COSE_Sign1 (RFC 9052 §4.4). Verification runs over the protected header as the
 * bytes that arrived; `alg` counts from it alone, and `crit` is honoured.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { CborMap, CborValue } from '../cbor/decode.ts'
import { encodeCbor, joinEncoded } from '../cbor/encode.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { VerificationErrorCode } from '../errors.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { algorithmById } from './algorithms.ts'
import { HEADER } from './labels.ts'
import { describeLabel } from './parse-sign1.ts'
import type { CoseSign1 } from './parse-sign1.ts'
import type { PublicKey } from './public-key.ts'
import type { Signer } from './signer.ts'
import { verifySignature } from './verify-signature.ts'

const EMPTY: Uint8Array = new Uint8Array(0)
const EMPTY_MAP: Uint8Array = Uint8Array.of(0xa0)
const NIL: Uint8Array = Uint8Array.of(0xf6)
const MESSAGE_HEAD: Uint8Array = Uint8Array.of(0xd2, 0x84)
/** An array of four, whose first item is the context "Signature1". */
const SIG_STRUCTURE_HEAD: Uint8Array = concatBytes(Uint8Array.of(0x84), encodeCbor('Signature1'))

/** Not processed where `crit` could name them: `typ` nowhere, Receipts and proofs unprotected only. */
const IGNORED: ReadonlySet<CborValue> = new Set<CborValue>([
  HEADER.type,
  HEADER.receipts,
  HEADER.vdp,
])
/** Header parameters that this code processes, and that `crit` may therefore name. */
const UNDERSTOOD: ReadonlySet<CborValue> = new Set<CborValue>(
  Object.values(HEADER).filter((label) => !IGNORED.has(label)),
)

function refuse(why: string): never {
  throw new InputError('ERR_COSE_CRIT', why)
}

/**
 * RFC 9052 §3.1: every label in `crit` is protected, present and understood.
 * @param understood what the caller processes besides, such as a profile's own header parameter.
 * @throws InputError `ERR_COSE_CRIT`.
 */
export function assertCriticalUnderstood(
  message: CoseSign1,
  understood?: ReadonlySet<CborValue>,
): void {
  if (message.unprotectedHeader.has(HEADER.critical)) refuse('crit is not protected')
  const critical = message.protectedHeader.get(HEADER.critical)
  if (critical === undefined) return
  if (!Array.isArray(critical) || critical.length === 0) refuse('crit is a non-empty array')
  for (const label of critical as readonly CborValue[]) {
    if (!message.protectedHeader.has(label)) refuse('crit names an absent header parameter')
    if (!UNDERSTOOD.has(label) && understood?.has(label) !== true)
      refuse(`critical header parameter ${describeLabel(label)} is not understood`)
  }
}

/** The signed bytes of RFC 9052 §4.4, context "Signature1". */
export function sigStructure(
  protectedBytes: Uint8Array,
  payload: Uint8Array,
  externalAad: Uint8Array = EMPTY,
): Uint8Array {
  // An encoded empty map is signed as the zero-length string (§4.4 step 2).
  const isEmptyMap = protectedBytes.length === 1 && protectedBytes[0] === 0xa0
  return joinEncoded([
    SIG_STRUCTURE_HEAD,
    { content: isEmptyMap ? EMPTY : protectedBytes },
    { content: externalAad },
    { content: payload },
  ])
}

/** Parts of a COSE_Sign1 to put together. `unprotectedBytes` is an encoded map, by default empty. */
export interface Sign1Parts {
  readonly protectedBytes: Uint8Array
  readonly unprotectedBytes?: Uint8Array
  readonly payload: Uint8Array | null
  readonly signature: Uint8Array
}

/** Tag 18 and the four elements with shortest heads; contents are spliced in, never re-encoded. */
export function encodeSign1(parts: Sign1Parts): Uint8Array {
  return joinEncoded([
    MESSAGE_HEAD,
    { content: parts.protectedBytes },
    parts.unprotectedBytes ?? EMPTY_MAP,
    parts.payload === null ? NIL : { content: parts.payload },
    { content: parts.signature },
  ])
}

/** What {@link verifySign1} needs. */
export interface VerifySign1Request {
  readonly message: CoseSign1
  readonly key: PublicKey
  /** For a detached payload; must be absent when the payload is attached. */
  readonly payload?: Uint8Array
  readonly externalAad?: Uint8Array
  readonly verifier: SignatureVerifier
  /** Code of the error when the signature does not verify. */
  readonly failure: VerificationErrorCode
  /** Header parameters that the caller processes and that `crit` may therefore name. */
  readonly understood?: ReadonlySet<CborValue>
}

/**
 * Verifies the signature; returns nothing, since there is nothing to mistake for a verdict.
 * @throws InputError `ERR_COSE_ALGORITHM`, `ERR_COSE_CRIT` or `ERR_STATEMENT_PAYLOAD_MISSING`.
 * @throws VerificationError with the code `failure`.
 */
export async function verifySign1(request: VerifySign1Request): Promise<void> {
  const { message, key, verifier, failure } = request
  assertCriticalUnderstood(message, request.understood)
  const algorithm = algorithmById(message.protectedHeader.get(HEADER.algorithm))
  const payload = message.payload ?? request.payload
  if (payload === undefined) {
    throw new InputError('ERR_STATEMENT_PAYLOAD_MISSING', 'the payload is detached and not given')
  }
  if (message.payload !== null && request.payload !== undefined) {
    throw new InputError('ERR_COSE_STRUCTURE', 'a payload is given although one is attached')
  }
  const data = sigStructure(message.protectedBytes, payload, request.externalAad)
  const { signature } = message
  const verified = await verifySignature({ algorithm, key, data, signature }, verifier)
  if (!verified) {
    throw new VerificationError(failure, `the ${algorithm.name} signature does not verify`)
  }
}

/** What {@link signSign1} needs. The header gets `alg` and is encoded deterministically. */
export interface SignSign1Request {
  readonly protectedHeader: CborMap
  readonly payload: Uint8Array
  readonly detached?: boolean
  readonly signer: Signer
}

/** Signs and encodes a COSE_Sign1 with an empty unprotected header. */
export async function signSign1(request: SignSign1Request): Promise<Uint8Array> {
  const header = new Map(request.protectedHeader).set(HEADER.algorithm, request.signer.algorithm)
  const protectedBytes = encodeCbor(header)
  const signature = await request.signer.sign(sigStructure(protectedBytes, request.payload))
  const payload = request.detached === true ? null : request.payload
  return encodeSign1({ protectedBytes, payload, signature })
}

/** Text for the context of other modules' messages, e.g. "kid 0a1b…". */
export function describeKeyId(keyId: Uint8Array | undefined): string {
  if (keyId === undefined) return 'no kid'
  return `kid ${encodeHex(keyId.subarray(0, 8))}…`
}
