/**
 * What an entry is found by of whoever submitted it (R4): each verified claim as `name:value`, beside
 * `kind` and `issuer`, which no claim is called. Not of the statement: collateral that journals commit to.
 */
import type { DescribedAttribute } from '../payload/description.ts'
import { DescriptionBuilder } from '../payload/description-builder.ts'
import { parseSubmitterCollateral } from './collateral.ts'
import type { SubmitterClaims } from './submitter-claims.ts'

/** Attributes of one submitter, bounded as those of statements are. */
function submitterAttributes({
  kind,
  issuer,
  claims,
}: SubmitterClaims): readonly DescribedAttribute[] {
  const out = new DescriptionBuilder()
  for (const [name, value] of Object.entries({ ...claims, kind, issuer })) {
    out.attribute('submitter', `${name}:${value}`)
  }
  return out.build('opaque', '').attributes
}

/** Submitters that are remembered: most entries of a stretch are by few. */
const SUBMITTERS_MAX = 256

/** Attributes of submitters by the digest of their claims, read once. */
export class KnownSubmitters {
  readonly #known = new Map<string, readonly DescribedAttribute[]>()

  /**
   * @param read the claims as they are stored.
   * @throws InputError as `parseSubmitterCollateral`.
   */
  async find(
    digest: string,
    read: () => Promise<Uint8Array>,
  ): Promise<readonly DescribedAttribute[]> {
    const known = this.#known.get(digest)
    if (known !== undefined) return known
    const attributes = submitterAttributes(parseSubmitterCollateral(await read()))
    if (this.#known.size >= SUBMITTERS_MAX) this.#known.clear()
    this.#known.set(digest, attributes)
    return attributes
  }
}
