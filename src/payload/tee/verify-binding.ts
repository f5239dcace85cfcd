/**
 * A declared binding (bindings.ts), recomputed and never trusted: a declaration that does not hold is an
 * error, each with its own reason.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { AttestryError, VerificationError } from '../../errors.ts'
import { parseCheckpoint, verifyCheckpoint } from '../../note/checkpoint.ts'
import type { CheckpointVerification } from '../../note/checkpoint.ts'
import type { VerifierKey } from '../../note/verifier-key.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { buildBinding, checkpointBinding, keyBinding, payloadBinding } from './bindings.ts'
import type { BindingDeclaration, BindingFields, BindingType } from './bindings.ts'
import { EvidenceError } from './evidence.ts'

const BUILD_ID_LENGTH_MAX = 1024

/** A checkpoint of ours, and what makes it count. */
export interface BoundCheckpoint {
  /** The signed note, exactly as it was served. */
  readonly note: Uint8Array
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** The oldest size that the policy still takes. */
  readonly treeSizeMin?: bigint
}

/** What a declaration is held against; only what the type needs is looked at. */
export interface BindingContext {
  /** A key, or its RFC 9679 thumbprint. */
  readonly key?: PublicKey | Uint8Array
  readonly payload?: Uint8Array
  /** The digest of the payload, where that is all there is. */
  readonly payloadSha256?: Uint8Array
  readonly checkpoint?: BoundCheckpoint
  readonly buildId?: string
}

/** A checkpoint that evidence was made after. */
export interface BindingBracket {
  readonly origin: string
  readonly treeSize: bigint
  readonly rootHash: Uint8Array
  /** SHA-256 of the signed note, hex. */
  readonly note: string
}

/** A binding that was recomputed and holds. */
export interface VerifiedBinding {
  readonly type: BindingType
  /** RFC 9679 thumbprint of the bound key, hex. */
  readonly keyThumbprint?: string
  /** SHA-256 of the bound payload, hex. */
  readonly payloadSha256?: string
  /** The evidence was made after this. */
  readonly after?: BindingBracket
  readonly buildId?: string
}

interface BindingRequest {
  readonly declaration: BindingDeclaration
  readonly fields: BindingFields
  readonly context: BindingContext
  readonly verifier: SignatureVerifier
}

const REPORT_DATA_BYTES = 64
const NONCE_OFFSET = 32

/** The bytes where the declaration says that the digest stands. */
function readPlace(
  { type, place = 'report-data', offset }: BindingDeclaration,
  { reportData, nonce }: BindingFields,
  length: number,
): Uint8Array {
  const field = place === 'nonce' ? nonce : reportData
  const isHigh = type === 'checkpoint' && place === 'report-data'
  const start = offset ?? (isHigh && field?.length === REPORT_DATA_BYTES ? NONCE_OFFSET : 0)
  const isPosition = Number.isSafeInteger(start) && start >= 0
  if (field === undefined || !isPosition || start + length > field.length) {
    throw new EvidenceError('binding-place', 'the evidence has no such bytes')
  }
  return field.subarray(start, start + length)
}

function need<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new EvidenceError('binding-type', `${what} is not given`)
  return value
}

/**
 * Recomputes a declared binding.
 * @throws EvidenceError `binding-…` with the reason.
 */
export async function verifyBinding(request: BindingRequest): Promise<VerifiedBinding> {
  const { declaration, fields, context } = request
  const matches = (expected: Uint8Array): boolean =>
    equalBytes(readPlace(declaration, fields, expected.length), expected)
  switch (declaration.type) {
    case 'key': {
      const expected = keyBinding(need(context.key, 'the key'))
      if (matches(expected)) return { type: 'key', keyThumbprint: encodeHex(expected) }
      throw new EvidenceError('binding-key', 'the evidence is about another key')
    }
    case 'payload': {
      const { payload, payloadSha256 } = context
      const expected = payloadSha256 ?? payloadBinding(need(payload, 'the payload'))
      if (matches(expected)) return { type: 'payload', payloadSha256: encodeHex(expected) }
      throw new EvidenceError('binding-payload', 'the evidence is about another payload')
    }
    case 'checkpoint': {
      const checkpoint = need(context.checkpoint, 'the checkpoint')
      if (!matches(checkpointBinding(checkpoint.note))) {
        throw new EvidenceError(
          'binding-checkpoint',
          'the evidence was made for another checkpoint',
        )
      }
      return { type: 'checkpoint', after: await verifyNote(checkpoint, request.verifier) }
    }
    case 'build':
      return verifyBuild(request, matches)
  }
}

async function verifyBuild(
  { context, verifier }: BindingRequest,
  matches: (expected: Uint8Array) => boolean,
): Promise<VerifiedBinding> {
  const buildId = need(context.buildId, 'the build id')
  const key = need(context.key, 'the key')
  const checkpoint = need(context.checkpoint, 'the checkpoint')
  if (buildId === '' || buildId.length > BUILD_ID_LENGTH_MAX) {
    throw new EvidenceError('binding-type', `a build id has 1 to ${BUILD_ID_LENGTH_MAX} characters`)
  }
  if (!matches(buildBinding({ buildId, key, note: checkpoint.note }))) {
    throw new EvidenceError('binding-build', 'the evidence is of another build, key or checkpoint')
  }
  const keyThumb = encodeHex(keyBinding(key))
  const after = await verifyNote(checkpoint, verifier)
  return { type: 'build', buildId, keyThumbprint: keyThumb, after }
}

/**
 * One signature of the log is enough, whatever the other lines are. Anybody may add lines, also one that
 * names a key which only an auditor knows, as it came later: what was admitted has to hold for them, too.
 */
async function verifyByAny({ keys, ...request }: CheckpointVerification): Promise<void> {
  let failure: unknown = new EvidenceError('binding-origin', 'no key of the log is known')
  for (const key of keys) {
    try {
      await verifyCheckpoint({ ...request, keys: [key] })
      return
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      failure = error
    }
  }
  throw failure
}

/** A checkpoint that anybody could have written brackets nothing: it must be signed by the log. */
async function verifyNote(
  { note, origin, keys, treeSizeMin }: BoundCheckpoint,
  verifier: SignatureVerifier,
): Promise<BindingBracket> {
  try {
    const checkpoint = parseCheckpoint(note)
    if (checkpoint.origin !== origin) {
      throw new EvidenceError('binding-origin', 'the checkpoint is of another log')
    }
    await verifyByAny({ checkpoint, origin, keys, verifier })
    if (treeSizeMin !== undefined && checkpoint.treeSize < treeSizeMin) {
      throw new EvidenceError(
        'binding-stale',
        `the checkpoint of size ${checkpoint.treeSize} is old`,
      )
    }
    const { treeSize, rootHash } = checkpoint
    return { origin, treeSize, rootHash, note: encodeHex(sha256(note)) }
  } catch (cause) {
    if (!(cause instanceof AttestryError) || cause instanceof EvidenceError) throw cause
    throw new EvidenceError('binding-origin', `not a checkpoint of the log: ${cause.message}`, {
      cause,
    })
  }
}
