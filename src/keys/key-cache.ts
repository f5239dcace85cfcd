/**
 * Imported public keys, bounded. Importing a key costs as much as verifying with it, and the keys in
 * use at a time are few (libraries §7).
 */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** The most recently used keys, by the bytes of their SPKI. */
export class KeyCache {
  readonly #keysMax: number
  readonly #keys = new Map<string, KeyObject>()
  // In front of it: a trust anchor's key is the same object each time.
  readonly #byIdentity = new WeakMap<Uint8Array, KeyObject>()

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  get(spki: Uint8Array): KeyObject | undefined {
    const known = this.#byIdentity.get(spki)
    if (known !== undefined) return known
    const key = this.#getByContent(spki)
    if (key !== undefined) this.#byIdentity.set(spki, key)
    return key
  }

  #getByContent(spki: Uint8Array): KeyObject | undefined {
    const name = String.fromCharCode(...spki)
    const key = this.#keys.get(name) ?? importKey(spki)
    if (key === undefined) return undefined
    // A Map iterates in order of insertion: inserting again makes it the youngest.
    this.#keys.delete(name)
    this.#keys.set(name, key)
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= this.#keysMax) break
      this.#keys.delete(oldest)
    }
    return key
  }
}

function importKey(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
