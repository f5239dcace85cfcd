/**
 * SPDX (JSON 2.x, and 3 as JSON-LD): what an artifact is made of. The packages that the document
 * describes are its subject where they have checksums; the others are dependencies. Single files are
 * not indexed.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { DigestRole } from '../description.ts'
import type { JsonHandler } from '../handler.ts'
import { asList, asText, listAt, memberAt, textAt } from '../json-members.ts'
import type { JsonObject } from '../json-members.ts'
import { addHash, bounded } from './sbom-hashes.ts'

export const spdx: JsonHandler = {
  kind: 'sbom',
  describe: (input, out) => {
    const { json, predicate, at } = input
    const root: DigestRole = json === predicate ? 'subject' : 'evidence'
    if (Array.isArray(predicate['@graph'])) describeGraph(out, predicate['@graph'], { root, at })
    else describeDocument(out, predicate, { root, at })
  },
}

interface Where {
  /** Role of what the document describes: in an in-toto Statement the subjects are the Statement's. */
  readonly root: DigestRole
  readonly at: string
}

function describeDocument(
  out: DescriptionBuilder,
  document: JsonObject,
  { root, at }: Where,
): void {
  out.attribute('document-id', memberAt(document, 'documentNamespace'))
  out.time('evaluated-on', memberAt(document, 'creationInfo', 'created'))
  const roots = new Set(listAt(document, 'documentDescribes'))
  for (const relation of listAt(document, 'relationships')) {
    if (memberAt(relation, 'relationshipType') !== 'DESCRIBES') continue
    if (memberAt(relation, 'spdxElementId') !== 'SPDXRef-DOCUMENT') continue
    roots.add(memberAt(relation, 'relatedSpdxElement'))
  }
  for (const item of bounded(out, listAt(document, 'packages'), `${at}/packages`)) {
    const role = roots.has(memberAt(item, 'SPDXID')) ? root : 'dependency'
    for (const reference of listAt(item, 'externalRefs')) {
      if (memberAt(reference, 'referenceType') === 'purl') {
        out.purl(memberAt(reference, 'referenceLocator'))
      }
    }
    for (const sum of listAt(item, 'checksums')) {
      const [algorithm, value] = [memberAt(sum, 'algorithm'), memberAt(sum, 'checksumValue')]
      addHash(out, role, { algorithm, value })
    }
  }
}

/** SPDX 3: a flat list of elements. Roots are those that its document or SBOM names. */
function describeGraph(
  out: DescriptionBuilder,
  graph: readonly unknown[],
  { root, at }: Where,
): void {
  const roots = new Set(graph.flatMap((element) => listAt(element, 'rootElement')))
  const packages: unknown[] = []
  for (const element of graph) {
    const type = textAt(element, 'type')
    if (type === 'SpdxDocument') out.attribute('document-id', memberAt(element, 'spdxId'))
    if (type === 'CreationInfo') out.time('evaluated-on', memberAt(element, 'created'))
    if (type === 'software_Package') packages.push(element)
  }
  for (const item of bounded(out, packages, `${at}/@graph`)) {
    out.purl(memberAt(item, 'software_packageUrl'))
    for (const identifier of listAt(item, 'externalIdentifier')) {
      out.purl(memberAt(identifier, 'identifier'))
    }
    const role = roots.has(memberAt(item, 'spdxId')) ? root : 'dependency'
    for (const method of asList(memberAt(item, 'verifiedUsing'))) {
      const [algorithm, value] = [memberAt(method, 'algorithm'), memberAt(method, 'hashValue')]
      addHash(out, role, { algorithm: asText(algorithm), value })
    }
  }
}
