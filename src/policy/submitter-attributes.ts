/**
 * What an entry is found by of whoever submitted it (R4): each verified claim as `name:value`, beside
 * `kind` and `issuer`, which no claim is called. Not of the statement: collateral that journals commit to.
 */
import type { DescribedAttribute } from '../payload/description.ts'
import { DescriptionBuilder } from '../payload/description-builder.ts'
import type { SubmitterClaims } from './submitter-claims.ts'

/** Attributes of one submitter, bounded as those of statements are. */
export function submitterAttributes({
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
