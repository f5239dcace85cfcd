/** SHA-2 by node:crypto, a few times faster than the portable one; the tests hold the two equal. */
import { createHash, hash } from 'node:crypto'
import type { DigestName, Sha256, StreamingDigest } from '../bytes/digest.ts'
import { createTreeHasher } from '../merkle/hasher.ts'
import type { TreeHasher } from '../merkle/hasher.ts'

/** SHA-256 of `data`, 32 bytes. */
export const nativeSha256: Sha256 = (data) => {
  // One-shot, and through a string: twice as fast as a Buffer that would be copied (libraries §7).
  const text = hash('sha256', data, 'binary')
  const digest = new Uint8Array(32)
  for (let at = 0; at < 32; at++) digest[at] = text.charCodeAt(at)
  return digest
}

/** Tree hashes over it. */
export const nativeHasher: TreeHasher = createTreeHasher(nativeSha256)

/** A digest of content that comes in pieces. */
export function nativeDigest(name: DigestName): StreamingDigest {
  const hashing = createHash(name.replace('-', ''))
  return {
    update: (data) => {
      hashing.update(data)
    },
    finish: () => new Uint8Array(hashing.digest()),
  }
}
