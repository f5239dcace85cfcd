/**
 * The contents of a certificate's extensions by object identifier: what vendors write about their
 * hardware (AMD's TCB and chip id, Intel's SGX extension). Nothing is interpreted here; whether the
 * certificate counts is `path.ts`'s question.
 */
import { InputError } from '../errors.ts'
import type { Certificate } from './certificate.ts'
import { decodeOid, readChildren, readDer, TAG } from './der.ts'

const TAG_EXTENSIONS = 0xa3

/**
 * Content of each extension's OCTET STRING; `parseCertificate` has refused certificates that have
 * one twice.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function extensionValues(certificate: Certificate): ReadonlyMap<string, Uint8Array> {
  const values = new Map<string, Uint8Array>()
  const fields = readChildren(readDer(certificate.tbs, TAG.sequence))
  const wrapped = fields.find(({ tag }) => tag === TAG_EXTENSIONS)
  if (wrapped === undefined) return values
  for (const extension of readChildren(readDer(wrapped.content, TAG.sequence))) {
    const [type, ...rest] = readChildren(extension)
    const value = rest.at(-1)
    if (type?.tag !== TAG.oid || value?.tag !== TAG.octetString) {
      throw new InputError('ERR_X509_MALFORMED', 'an extension without a name or value')
    }
    values.set(decodeOid(type.content), value.content)
  }
  return values
}
