/** Extensions of a certificate that only vendors and revocation know, by name. */
import type { Certificate } from './certificate.ts'
import { readChildren, readDer, TAG } from './der.ts'
import { readExtensions } from './raw-extension.ts'

const TAG_EXTENSIONS = 0xa3

/**
 * Values of a certificate's extensions by object identifier.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function extensionValues(certificate: Certificate): ReadonlyMap<string, Uint8Array> {
  const fields = readChildren(readDer(certificate.tbs, TAG.sequence))
  const wrapped = fields.find(({ tag }) => tag === TAG_EXTENSIONS)
  if (wrapped === undefined) return new Map()
  const extensions = readExtensions(readDer(wrapped.content))
  return new Map(extensions.map(({ oid, value }) => [oid, value]))
}
