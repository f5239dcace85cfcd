/** Public keys of the service as the store has them. */
import type { UnixSeconds } from '../bytes/integers.ts'

export type KeyPurpose = 'receipt' | 'checkpoint' | 'registrar' | 'operator'

/** A public key of the service. Retired keys stay: they are served for ever (design D3). */
export interface StoredServiceKey {
  readonly keyId: Uint8Array
  readonly purpose: KeyPurpose
  /** COSE_Key bytes. */
  readonly coseKey: Uint8Array
  readonly addedAt: UnixSeconds
  readonly retiredAt?: UnixSeconds
}

/** A change of the service's keys, all of one purpose. */
export interface ServiceKeyChange {
  readonly purpose: KeyPurpose
  /** A new key. A new receipt key is the one that the log signs with from then on. */
  readonly added?: Omit<StoredServiceKey, 'purpose' | 'retiredAt'>
  /** Keys that sign nothing any more from `at` on. */
  readonly retired: readonly Uint8Array[]
  readonly at: UnixSeconds
}
