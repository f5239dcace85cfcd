/**
 * CycloneDX (JSON, 1.2 and later): what an artifact is made of. The root component is the subject
 * where it has hashes; components are dependencies. Vulnerabilities and attestations inside are
 * named, not judged, and signatures inside (JSF) are not verified here.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler } from '../handler.ts'
import { asObject, listAt, memberAt, objectAt } from '../json-members.ts'
import { describeS2c2fDeclarations } from '../s2c2f-carriers.ts'
import { addHash, bounded, COMPONENTS_MAX } from './sbom-hashes.ts'

export const cycloneDx: JsonHandler = {
  kind: 'sbom',
  describe: ({ json, predicate, at }, out) => {
    out.attribute('document-id', memberAt(predicate, 'serialNumber'))
    out.time('evaluated-on', memberAt(predicate, 'metadata', 'timestamp'))
    const root = objectAt(predicate, 'metadata', 'component')
    // A bare document has no other subject; in an in-toto Statement the subjects are the Statement's.
    const role = json === predicate ? 'subject' : 'evidence'
    if (root !== undefined) {
      out.purl(root['purl'])
      for (const hash of listAt(root, 'hashes')) addCycloneDxHash(out, role, hash)
    }
    const components = flatten(listAt(predicate, 'components'))
    for (const component of bounded(out, components, `${at}/components`)) {
      out.purl(memberAt(component, 'purl'))
      for (const hash of listAt(component, 'hashes')) addCycloneDxHash(out, 'dependency', hash)
    }
    for (const found of listAt(predicate, 'vulnerabilities').slice(0, COMPONENTS_MAX)) {
      out.attribute('vulnerability', memberAt(found, 'id'))
    }
    describeS2c2fDeclarations(predicate, at, out)
    if (objectAt(predicate, 'signature') !== undefined) {
      out.finding(
        'signature-not-checked',
        'the signature inside is not verified',
        `${at}/signature`,
      )
    }
  },
}

function addCycloneDxHash(
  out: DescriptionBuilder,
  role: 'subject' | 'dependency' | 'evidence',
  hash: unknown,
): void {
  addHash(out, role, { algorithm: memberAt(hash, 'alg'), value: memberAt(hash, 'content') })
}

/** Components with those nested in them, breadth first; one more than the bound at most. */
function flatten(components: readonly unknown[]): readonly unknown[] {
  const all: unknown[] = [...components]
  for (let at = 0; at < all.length && all.length <= COMPONENTS_MAX; at++) {
    if (asObject(all[at]) !== undefined) all.push(...listAt(all[at], 'components'))
  }
  return all
}
