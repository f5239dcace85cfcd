/**
 * Bindings between evidence and what it is about (statements.md §7.3), and the bytes that make them:
 *
 *     key         SHA-256 of the deterministic CBOR of the key's required members (RFC 9679)
 *     payload     SHA-256 of the raw payload bytes
 *     checkpoint  SHA-256 of the signed note, byte for byte: the evidence was made after that checkpoint
 *     build       SHA-512 over a CBOR array of domain tag, build id, key, and checkpoint: all at once
 *
 * Evidence declares which one it claims, and where. Without a declaration nothing is bound.
 */
import { digest, sha256 } from '../../bytes/digest.ts'
import { encodeCbor } from '../../cbor/encode.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'

/** First item of what a build binding hashes. */
export const BUILD_BINDING_TAG = 'attestry.dev/report-data/v1'

export type BindingType = 'key' | 'payload' | 'checkpoint' | 'build'

/** Fields in which evidence carries bytes of the caller. */
export interface BindingFields {
  /** Report data of SGX, TDX, SNP and CCA; Nitro's user data; a TPM's extra data. */
  readonly reportData: Uint8Array
  /** Nitro's nonce. */
  readonly nonce?: Uint8Array
}

/** What the evidence's statement says about its binding. */
export interface BindingDeclaration {
  readonly type: BindingType
  /** Field that holds the digest; `report-data` when absent. */
  readonly place?: 'report-data' | 'nonce'
  /** First byte of the digest in the field; 0, and 32 for a checkpoint in 64 bytes of report data. */
  readonly offset?: number
}

/** Report data of a key-bound piece of evidence, first 32 bytes. */
export function keyBinding(key: PublicKey | Uint8Array): Uint8Array {
  return key instanceof Uint8Array ? key : keyThumbprint(key)
}

/** Report data of a payload-bound piece of evidence, first 32 bytes. */
export function payloadBinding(payload: Uint8Array): Uint8Array {
  return sha256(payload)
}

/** The nonce that a checkpoint gives: anybody can compute it, nobody before the checkpoint was signed. */
export function checkpointBinding(note: Uint8Array): Uint8Array {
  return sha256(note)
}

/** What {@link buildBinding} joins. */
export interface BuildBindingParts {
  readonly buildId: string
  /** The agent's key, or its thumbprint. */
  readonly key: PublicKey | Uint8Array
  readonly note: Uint8Array
}

/**
 * 64 bytes of report data that bind a build, its agent's key and a moment: SHA-512 of the deterministic
 * CBOR array `[tag, build id, key thumbprint, SHA-256 of the signed note]`.
 */
export function buildBinding({ buildId, key, note }: BuildBindingParts): Uint8Array {
  const parts = [BUILD_BINDING_TAG, buildId, keyBinding(key), checkpointBinding(note)]
  return digest('SHA-512', encodeCbor(parts))
}
