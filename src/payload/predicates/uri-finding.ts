/** A name that the specification wants to be a URI and that publishers write otherwise: said, not refused. */
import type { DescriptionBuilder } from '../description-builder.ts'
import { isUri } from '../source-names.ts'

export function findNoUri(out: DescriptionBuilder, text: string | undefined, at: string): void {
  if (text !== undefined && !isUri(text)) out.finding('not-a-uri', 'should be a URI', at)
}
