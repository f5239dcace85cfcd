/**
 * SHA-2, portable and synchronous. The server may pass a native function of the same type to
 * whatever takes a {@link Sha256}; the tests hold the two equal.
 */
import { sha256 as nobleSha256, sha384, sha512 } from '@noble/hashes/sha2.js'

/** A SHA-256 implementation: bytes in, 32 bytes out. */
export type Sha256 = (data: Uint8Array) => Uint8Array

/** Digest names as WebCrypto and the COSE registry's descriptions spell them. */
export type DigestName = 'SHA-256' | 'SHA-384' | 'SHA-512'

/** A digest in the making, for content that comes in pieces. */
export interface StreamingDigest {
  update(data: Uint8Array): void
  /** The digest; nothing more may be added then. */
  finish(): Uint8Array
}

/** SHA-256 of `data`, 32 bytes. */
export const sha256: Sha256 = (data) => nobleSha256(data)

/** Digest of `data` under the named algorithm. */
export function digest(name: DigestName, data: Uint8Array): Uint8Array {
  switch (name) {
    case 'SHA-256':
      return nobleSha256(data)
    case 'SHA-384':
      return sha384(data)
    case 'SHA-512':
      return sha512(data)
  }
}
