/** What SPDX and CycloneDX share: hashes with names of their own, and a bound on components. */
import type { DigestRole } from '../description.ts'
import type { DescriptionBuilder } from '../description-builder.ts'
import { asText } from '../json-members.ts'

/** Components of one document whose names and hashes are indexed (statements.md §7.2). */
export const COMPONENTS_MAX = 5000

/** Adds a hash as SPDX (`SHA256`) or CycloneDX (`SHA-256`) writes it, under in-toto's name. */
export function addHash(
  out: DescriptionBuilder,
  role: DigestRole,
  { algorithm, value }: { readonly algorithm: unknown; readonly value: unknown },
): void {
  const [name, text] = [asText(algorithm), asText(value)]
  if (name === undefined || text === undefined) return
  out.digest(role, name.toLowerCase().replace(/^(sha|md)-/, '$1'), text)
}

/** At most {@link COMPONENTS_MAX} of a list; a finding tells the rest. */
export function bounded<T>(
  out: DescriptionBuilder,
  list: readonly T[],
  pointer: string,
): readonly T[] {
  if (list.length <= COMPONENTS_MAX) return list
  const message = `${list.length} components; the first ${COMPONENTS_MAX} are indexed`
  out.finding('truncated', message, pointer)
  return list.slice(0, COMPONENTS_MAX)
}
