/**
 * Ids that need not be looked up a second time. An entry is looked up when it comes, and again before
 * its batch is committed. In between only what was stored meanwhile can have brought it, and as long as
 * that is this process's own, it is known here. Whenever another node may have come in between, nothing
 * is known any more and the database is asked. Should that go unnoticed, the commit compares the head
 * and stores nothing (ADR 0030).
 */
import type { LeafIndex } from '../../bytes/integers.ts'
import { idKey } from '../../log/id-key.ts'

type Find = (ids: readonly Uint8Array[]) => Promise<(LeafIndex | undefined)[]>

/** More than wait in the queue at any time (`log/limits.ts`). */
const IDS_MAX = 16_384

/** A look-up that is under way. */
interface Lookup {
  /** What this process stored since it was sent: it may not have seen that. */
  readonly storedSince: Set<string>
}

export class AbsentIds {
  readonly #ids = new Set<string>()
  readonly #lookups = new Set<Lookup>()
  /** Size of the store after the last batch of this process, unless another one is heard of. */
  #end: number | undefined

  /** True when the store, as far as it is known here, has none of these. */
  hasAll(ids: readonly Uint8Array[]): boolean {
    return ids.every((id) => this.#ids.has(idKey(id)))
  }

  /** Looks ids up by `find`, and keeps those that are nowhere. */
  async lookUp(ids: readonly Uint8Array[], find: Find): Promise<(LeafIndex | undefined)[]> {
    if (this.#end === undefined) return find(ids)
    const lookup = { storedSince: new Set<string>() }
    this.#lookups.add(lookup)
    try {
      const found = await find(ids)
      const absent = ids.filter((_, at) => found[at] === undefined)
      if (this.#lookups.has(lookup)) this.#add(absent, lookup)
      return found
    } finally {
      this.#lookups.delete(lookup)
    }
  }

  /** A batch of this process is stored from the index `first` on. */
  stored(ids: readonly Uint8Array[], first: number): void {
    if (first !== this.#end) this.forget()
    this.#end = first + ids.length
    for (const id of ids) {
      const key = idKey(id)
      this.#ids.delete(key)
      for (const { storedSince } of this.#lookups) storedSince.add(key)
    }
  }

  /** The store said how large it is. */
  saw(treeSize: number): void {
    if (treeSize !== this.#end) this.forget()
  }

  /** Somebody else may have stored something. */
  forget(): void {
    this.#ids.clear()
    this.#lookups.clear()
    this.#end = undefined
  }

  #add(absent: readonly Uint8Array[], { storedSince }: Lookup): void {
    for (const id of absent) {
      const key = idKey(id)
      if (!storedSince.has(key)) this.#ids.add(key)
    }
    for (const oldest of this.#ids) {
      if (this.#ids.size <= IDS_MAX) return
      this.#ids.delete(oldest)
    }
  }
}
