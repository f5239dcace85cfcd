/** What a build consumed: digests, package URLs, and the repositories behind source URIs. */
import type { DescriptionBuilder } from '../description-builder.ts'
import { isHexDigest } from '../digest-forms.ts'
import { asList, asObject, textAt } from '../json-members.ts'
import { parseSourceUri } from '../source-names.ts'

/**
 * Describes a list of in-toto ResourceDescriptors, or of SLSA v0.2 materials, as dependencies. A SHA-1
 * beside a `git+` URI is a commit: it is found as `gitCommit`, too.
 */
export function describeSources(out: DescriptionBuilder, list: unknown, pointer?: string): void {
  asList(list).forEach((item, at) => {
    const uri = textAt(item, 'uri')
    const where = pointer === undefined ? undefined : `${pointer}/${at}`
    out.digestSet('dependency', asObject(item)?.['digest'], where)
    out.purl(uri).purl(textAt(item, 'name'))
    const source = uri?.startsWith('git+') === true ? parseSourceUri(uri) : undefined
    const plain = source ?? (isForgeUrl(uri) ? parseSourceUri(uri) : undefined)
    out.attribute('repository', plain?.repository)
    const sha1 = textAt(item, 'digest', 'sha1')?.toLowerCase()
    if (source !== undefined && sha1 !== undefined && isHexDigest('sha1', sha1) === true) {
      out.digest('dependency', 'gitCommit', sha1)
    }
  })
}

/** A bare URL of two path segments on a host that is known to be a forge, as `workflow.repository` is. */
function isForgeUrl(uri: string | undefined): boolean {
  return uri !== undefined && /^https:\/\/(?:github|gitlab)\.com\/[^/\s]+\/[^/\s]+\/?$/.test(uri)
}

/** `sha256:…` of a container image's descriptor. */
export function imageOf(descriptor: unknown): string | undefined {
  const sha256 = textAt(descriptor, 'digest', 'sha256')?.toLowerCase()
  return sha256 !== undefined && isHexDigest('sha256', sha256) === true
    ? `sha256:${sha256}`
    : undefined
}
