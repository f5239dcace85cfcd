/** A payload store in memory, for tests; it keeps its own copy of what becomes collateral. */
import { encodeHex } from '../../bytes/hex.ts'
import type { FoundPayload, NewPayload, PayloadStore } from '../../log/payload-store.ts'
import { formatPayloadName } from '../../statement/payload-name.ts'
import type { PayloadName } from '../../statement/payload-name.ts'

export class MemoryPayloadStore implements PayloadStore {
  readonly #payloads = new Map<string, Uint8Array>()

  async find(name: PayloadName): Promise<FoundPayload | undefined> {
    const bytes = this.#payloads.get(formatPayloadName(name))
    return bytes === undefined ? undefined : { kind: 'stored', bytes: bytes.slice() }
  }

  async has(name: PayloadName): Promise<boolean> {
    return this.#payloads.has(formatPayloadName(name))
  }

  async put({ name, sha256, bytes }: NewPayload): Promise<'stored' | 'present'> {
    const key = `sha256:${encodeHex(sha256)}`
    const answer = this.#payloads.has(key) ? 'present' : 'stored'
    this.#payloads.set(key, bytes.slice())
    this.#payloads.set(formatPayloadName(name), bytes.slice())
    return answer
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
