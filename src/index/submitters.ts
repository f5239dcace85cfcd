/** Who submitted entries, read from what was committed with them. */
import { encodeHex } from '../bytes/hex.ts'
import { assertInvariant, InputError } from '../errors.ts'
import type { LogStore } from '../log/store.ts'
import type { DescribedAttribute } from '../payload/description.ts'
import { KnownSubmitters } from '../policy/submitter-attributes.ts'

export class SubmitterReader {
  readonly #log: Pick<LogStore, 'listEntryCollateral' | 'findCollateral'>
  readonly #known = new KnownSubmitters()

  constructor(log: Pick<LogStore, 'listEntryCollateral' | 'findCollateral'>) {
    this.#log = log
  }

  /** Attributes of the submitters of the entries [start, end), by index; nobody is left out. */
  async read(
    start: number,
    end: number,
  ): Promise<ReadonlyMap<number, readonly DescribedAttribute[]>> {
    const found = new Map<number, readonly DescribedAttribute[]>()
    for (const { leafIndex, kind, digest } of await this.#log.listEntryCollateral(start, end)) {
      if (kind === 'submitter-claims') found.set(leafIndex, await this.#attributesOf(digest))
    }
    return found
  }

  async #attributesOf(digest: Uint8Array): Promise<readonly DescribedAttribute[]> {
    const hex = encodeHex(digest)
    try {
      return await this.#known.find(hex, async () => {
        const stored = await this.#log.findCollateral(digest)
        assertInvariant(
          stored !== undefined,
          `the claims sha256:${hex} of a submitter are not stored`,
        )
        return stored.bytes
      })
    } catch (error) {
      // Claims that cannot be read name nobody; an audit refuses the entry for them.
      if (error instanceof InputError) return []
      throw error
    }
  }
}
