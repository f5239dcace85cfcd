/** A payload store in which content can be pruned: it is there for nobody then. */
import { digest } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import type { PayloadStore } from '../../src/log/payload-store.ts'
import { MemoryPayloadStore } from '../../src/store/memory/memory-payload-store.ts'
import { formatPayloadName } from '../../src/statement/payload-name.ts'

/** A payload store of a random log. */
export interface PrunablePayloads extends PayloadStore {
  /** Deletes content that was pruned by this entry. */
  prune(content: Uint8Array, entryId: Uint8Array): Promise<void>
}

export class PrunedStore extends MemoryPayloadStore implements PrunablePayloads {
  /** Names of content that is gone. */
  readonly pruned = new Set<string>()

  async prune(content: Uint8Array): Promise<void> {
    this.pruned.add(`sha256:${encodeHex(digest('SHA-256', content))}`)
    this.pruned.add(`sha512:${encodeHex(digest('SHA-512', content))}`)
  }

  override async find(
    name: Parameters<MemoryPayloadStore['find']>[0],
  ): ReturnType<MemoryPayloadStore['find']> {
    return (await this.has(name)) ? super.find(name) : undefined
  }

  override async has(name: Parameters<MemoryPayloadStore['has']>[0]): Promise<boolean> {
    return !this.pruned.has(formatPayloadName(name)) && super.has(name)
  }
}
