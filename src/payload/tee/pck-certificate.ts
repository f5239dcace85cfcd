/**
 * The SGX extension of a PCK certificate (1.2.840.113741.1.13.1): which platform it is and which
 * security versions its TCB has, as Intel certified them. Of the platform's own names (PPID, instance
 * id) nothing is read.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { InputError } from '../../errors.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { decodeOid, readChildren, readDer, readUnsigned, scanDer, TAG } from '../../x509/der.ts'
import type { DerElement } from '../../x509/der.ts'
import { extensionValues } from '../../x509/raw-extension.ts'
import { EvidenceError } from './evidence.ts'

const OID_SGX = '1.2.840.113741.1.13.1'
export const TCB_COMPONENTS = 16

/** What Intel certified about a platform. */
export interface PckPlatform {
  /** 12 lower-case hex digits. */
  readonly fmspc: string
  /** 4 lower-case hex digits. */
  readonly pceId: string
  /** Security versions of the {@link TCB_COMPONENTS} components. */
  readonly componentSvns: readonly number[]
  readonly pceSvn: number
}

function malformed(message: string, cause?: unknown): EvidenceError {
  const text = `the SGX extension of the PCK certificate ${message}`
  return new EvidenceError('chain-malformed', text, { cause })
}

/** Members of the extension, or of a sequence in it, by the last arc of their identifier. */
function readMembers(sequence: DerElement, prefix: string): Map<string, DerElement> {
  const members = new Map<string, DerElement>()
  for (const pair of readChildren(sequence)) {
    const [type, value, ...rest] = pair.tag === TAG.sequence ? readChildren(pair) : []
    if (type?.tag !== TAG.oid || value === undefined || rest.length > 0) {
      throw malformed('is not a list of named values')
    }
    const oid = decodeOid(type.content)
    if (!oid.startsWith(`${prefix}.`)) throw malformed(`names ${oid}`)
    if (members.has(oid)) throw malformed(`names ${oid} twice`)
    members.set(oid, value)
  }
  return members
}

function octets(element: DerElement | undefined, length: number, what: string): Uint8Array {
  if (element?.tag !== TAG.octetString || element.content.length !== length) {
    throw malformed(`has no ${what} of ${length} bytes`)
  }
  return element.content
}

function svn(element: DerElement | undefined, max: number): number {
  if (element === undefined) throw malformed('lacks a security version')
  const magnitude = readUnsigned(element)
  const value = magnitude.reduce((sum, byte) => sum * 256 + byte, 0)
  if (value > max) throw malformed(`has a security version over ${max}`)
  return value
}

function readPlatform(value: Uint8Array): PckPlatform {
  scanDer(value)
  const members = readMembers(readDer(value, TAG.sequence), OID_SGX)
  const tcb = members.get(`${OID_SGX}.2`)
  if (tcb?.tag !== TAG.sequence) throw malformed('has no TCB')
  const versions = readMembers(tcb, `${OID_SGX}.2`)
  const componentSvns = Array.from({ length: TCB_COMPONENTS }, (_, i) =>
    svn(versions.get(`${OID_SGX}.2.${i + 1}`), 0xff),
  )
  return {
    fmspc: encodeHex(octets(members.get(`${OID_SGX}.4`), 6, 'FMSPC')),
    pceId: encodeHex(octets(members.get(`${OID_SGX}.3`), 2, 'PCE id')),
    componentSvns,
    pceSvn: svn(versions.get(`${OID_SGX}.2.${TCB_COMPONENTS + 1}`), 0xffff),
  }
}

/**
 * Reads the extension.
 * @throws EvidenceError `certificate-role` when there is none, `chain-malformed` when it does not parse.
 */
export function readPckPlatform(certificate: Certificate): PckPlatform {
  try {
    const value = extensionValues(certificate).get(OID_SGX)
    if (value === undefined) {
      throw new EvidenceError('certificate-role', 'the PCK certificate has no SGX extension')
    }
    return readPlatform(value)
  } catch (cause) {
    if (cause instanceof InputError) throw malformed(`does not parse: ${cause.message}`, cause)
    throw cause
  }
}
