/** A payload store in which content can be pruned: it is there for nobody then. */
import { MemoryPayloadStore } from '../../src/store/memory/memory-payload-store.ts'
import { formatPayloadName } from '../../src/statement/payload-name.ts'

export class PrunedStore extends MemoryPayloadStore {
  readonly pruned = new Set<string>()

  override async find(
    name: Parameters<MemoryPayloadStore['find']>[0],
  ): ReturnType<MemoryPayloadStore['find']> {
    return (await this.has(name)) ? super.find(name) : undefined
  }

  override async has(name: Parameters<MemoryPayloadStore['has']>[0]): Promise<boolean> {
    return !this.pruned.has(formatPayloadName(name)) && super.has(name)
  }
}
