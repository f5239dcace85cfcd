/**
 * Look-ups of single entries, joined: every registration makes one, and a read of its own for each costs
 * more than the search (SQLite: its locks; PostgreSQL: a round trip). A read has whatever was asked while
 * the one before was under way, so a lone look-up waits for nobody, and each sees everything that was
 * committed before it was asked.
 */
import type { LeafIndex } from '../bytes/integers.ts'

type FindMany = (ids: readonly Uint8Array[]) => Promise<(LeafIndex | undefined)[]>

interface Lookup {
  readonly id: Uint8Array
  resolve(leafIndex: LeafIndex | undefined): void
  reject(error: unknown): void
}

/** Ids in one read at most. */
const IDS_MAX = 512

export class JoinedLookups {
  readonly #findMany: FindMany
  #waiting: Lookup[] = []
  #isAsking = false

  constructor(findMany: FindMany) {
    this.#findMany = findMany
  }

  /** Throws as `findMany`, for every look-up of a read that failed. */
  find(id: Uint8Array): Promise<LeafIndex | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, resolve, reject })
      if (this.#isAsking) return
      this.#isAsking = true
      // What the same turn of the event loop brings goes along.
      setImmediate(() => void this.#askAll())
    })
  }

  async #askAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lookups = this.#waiting.splice(0, IDS_MAX)
      try {
        const found = await this.#findMany(lookups.map(({ id }) => id))
        for (const [at, lookup] of lookups.entries()) lookup.resolve(found[at])
      } catch (error) {
        for (const lookup of lookups) lookup.reject(error)
      }
    }
    this.#isAsking = false
  }
}
