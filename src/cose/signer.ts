/** What holds a private key: a file, an HSM or a KMS implements this port. */
import type { PublicKey } from './public-key.ts'

export interface Signer {
  /** COSE algorithm id that `sign` uses. */
  readonly algorithm: number
  /** The public half; its `kid` is the RFC 9679 thumbprint. */
  readonly publicKey: PublicKey
  /** Raw COSE signature (`r‖s` for ECDSA) over `data`. */
  sign(data: Uint8Array): Promise<Uint8Array>
}
