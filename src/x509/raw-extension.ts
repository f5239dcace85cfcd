/**
 * Extensions of certificates and revocation lists as they are written: name, weight and bytes. Nothing
 * is interpreted here: `extensions.ts` reads what paths need, `crl.ts` what lists say, and vendors write
 * about their hardware (AMD's TCB and chip id, Intel's SGX extension).
 */
import { InputError } from '../errors.ts'
import { decodeOid, readChildren, TAG } from './der.ts'
import type { DerElement } from './der.ts'

/** One extension. */
export interface RawExtension {
  readonly oid: string
  readonly critical: boolean
  /** Content of the OCTET STRING. */
  readonly value: Uint8Array
}

function malformed(message: string): InputError {
  return new InputError('ERR_X509_MALFORMED', message)
}

/** Values of a certificate's extensions by object identifier. */
export function extensionValues({
  extensions,
}: {
  readonly extensions: readonly RawExtension[]
}): ReadonlyMap<string, Uint8Array> {
  return new Map(extensions.map(({ oid, value }) => [oid, value]))
}

/**
 * Reads a list of extensions out of DER that was scanned.
 * @throws InputError `ERR_X509_MALFORMED`, also when one occurs twice.
 */
export function readExtensions(list: DerElement | undefined): RawExtension[] {
  if (list?.tag !== TAG.sequence) throw malformed('not a list of extensions')
  const seen = new Set<string>()
  return readChildren(list).map((extension) => {
    const [type, ...rest] = extension.tag === TAG.sequence ? readChildren(extension) : []
    const value = rest.at(-1)
    const [flag] = rest.length === 2 ? rest : []
    if (type?.tag !== TAG.oid || value?.tag !== TAG.octetString || rest.length > 2) {
      throw malformed('not an extension')
    }
    if (flag !== undefined && flag.tag !== TAG.boolean) throw malformed('not an extension')
    const oid = decodeOid(type.content)
    if (seen.has(oid)) throw malformed(`extension ${oid} occurs twice`)
    seen.add(oid)
    return { oid, critical: flag?.content[0] === 0xff, value: value.content }
  })
}
