/** Who submitted entries, read from what was committed with them. */
import { encodeHex } from '../bytes/hex.ts'
import { assertInvariant, InputError } from '../errors.ts'
import type { LogStore } from '../log/store.ts'
import type { DescribedAttribute } from '../payload/description.ts'
import { parseSubmitterCollateral } from '../policy/collateral.ts'
import { submitterAttributes } from '../policy/submitter-attributes.ts'

/** Submitters that are remembered: most entries of a stretch are by few. */
const SUBMITTERS_MAX = 256

export class SubmitterReader {
  readonly #log: Pick<LogStore, 'listEntryCollateral' | 'findCollateral'>
  readonly #known = new Map<string, readonly DescribedAttribute[]>()

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
    const key = encodeHex(digest)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const stored = await this.#log.findCollateral(digest)
    assertInvariant(stored !== undefined, `the claims sha256:${key} of a submitter are not stored`)
    const attributes = attributesOf(stored.bytes)
    if (this.#known.size >= SUBMITTERS_MAX) this.#known.clear()
    this.#known.set(key, attributes)
    return attributes
  }
}

/** Claims that cannot be read name nobody; an audit refuses the entry for them. */
function attributesOf(claims: Uint8Array): readonly DescribedAttribute[] {
  try {
    return submitterAttributes(parseSubmitterCollateral(claims))
  } catch (error) {
    if (error instanceof InputError) return []
    throw error
  }
}
