/** COSE Key Thumbprint with SHA-256 (RFC 9679 §3, §4): the kid of every key of ours. */
import { sha256 } from '../bytes/digest.ts'
import type { CborValue } from '../cbor/decode.ts'
import { encodeCbor } from '../cbor/encode.ts'
import type { SpkiKey } from '../x509/spki.ts'

export const KTY = { okp: 1, ec2: 2, rsa: 3 } as const
export const CURVES = { 'P-256': 1, 'P-384': 2, 'P-521': 3 } as const
export const ED25519 = 6

/** The members that RFC 9679 hashes; also the ones every COSE_Key has. */
export function requiredMembers(key: SpkiKey): [CborValue, CborValue][] {
  switch (key.kind) {
    case 'ec':
      return [[1, KTY.ec2], [-1, CURVES[key.curve]], [-2, key.x], [-3, key.y]] // prettier-ignore
    case 'ed25519':
      return [[1, KTY.okp], [-1, ED25519], [-2, key.x]] // prettier-ignore
    case 'rsa':
      return [[1, KTY.rsa], [-1, key.n], [-2, key.e]] // prettier-ignore
  }
}

/** RFC 9679 COSE Key Thumbprint, SHA-256 over the required members: 32 bytes. */
export function keyThumbprint(key: SpkiKey): Uint8Array {
  return sha256(encodeCbor(new Map(requiredMembers(key))))
}
