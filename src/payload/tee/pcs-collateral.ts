/**
 * Collateral as other software keeps it, made into a bundle: the files that Intel's service (PCS) or a
 * caching service answers with, and the JSON document of DCAP libraries. Nothing is checked here beyond
 * the form; signed JSON is kept byte for byte.
 */
import { decodeUtf8, encodeUtf8 } from '../../bytes/bytes.ts'
import { decodeHex } from '../../bytes/hex.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { InputError } from '../../errors.ts'
import { TAG } from '../../x509/der.ts'
import { decodePem } from '../../x509/pem.ts'
import { textAt } from '../json-members.ts'
import { readCertificates } from './certificate-chain.ts'
import type { CollateralBundle } from './collateral-bundle.ts'
import { EvidenceError } from './evidence.ts'

/** What PCS answered. Chains are PEM, leaf first (the `…-Issuer-Chain` headers, URL-decoded). */
export interface PcsFiles {
  /** `{"tcbInfo":…,"signature":…}` */
  readonly tcbInfo: Uint8Array
  readonly tcbInfoChain: Uint8Array
  /** `{"enclaveIdentity":…,"signature":…}` */
  readonly qeIdentity: Uint8Array
  /** Absent: the same as that of the TCB info. */
  readonly qeIdentityChain?: Uint8Array
  /** DER, PEM, or hex as PCCS answers. */
  readonly rootCrl: Uint8Array
  readonly pckCrl: Uint8Array
  /** Absent: the PCK certificate's issuer signed its list itself. */
  readonly pckCrlChain?: Uint8Array
  /** For quotes that do not bring the chain of their PCK certificate. */
  readonly pckChain?: Uint8Array
}

function malformed(what: string, cause?: unknown): EvidenceError {
  return new EvidenceError('collateral-malformed', `collateral: ${what} is of another form`, {
    cause,
  })
}

function readDerList(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === TAG.sequence) return bytes
  try {
    const text = decodeUtf8(bytes).trim()
    return text.startsWith('-----')
      ? decodePem(text, 'X509 CRL')[0]!
      : decodeHex(text.toLowerCase())
  } catch (cause) {
    if (cause instanceof InputError) return bytes
    throw cause
  }
}

function chainDers(pem: Uint8Array | undefined): readonly Uint8Array[] | undefined {
  return pem === undefined ? undefined : readCertificates(pem).map(({ der }) => der)
}

function optional<Name extends string>(
  name: Name,
  chain: readonly Uint8Array[] | undefined,
): Partial<Record<Name, readonly Uint8Array[]>> {
  return (chain === undefined ? {} : { [name]: chain }) as Partial<
    Record<Name, readonly Uint8Array[]>
  >
}

/**
 * The bundle of what PCS answered.
 * @throws EvidenceError `chain-malformed`
 */
export function collateralFromPcs(files: PcsFiles): CollateralBundle {
  return {
    'intel-tcb-info': files.tcbInfo,
    'intel-qe-identity': files.qeIdentity,
    'intel-root-crl': readDerList(files.rootCrl),
    'intel-pck-crl': readDerList(files.pckCrl),
    ...optional('intel-tcb-info-chain', chainDers(files.tcbInfoChain)),
    ...optional('intel-qe-identity-chain', chainDers(files.qeIdentityChain)),
    ...optional('intel-pck-crl-chain', chainDers(files.pckCrlChain)),
    ...optional('intel-pck-chain', chainDers(files.pckChain)),
  }
}

/** Puts a signed document together as PCS answers it; the document's bytes stay as they are. */
function signedDocument(name: string, document: string, signature: string): Uint8Array {
  if (!/^[0-9a-fA-F]*$/.test(signature)) throw malformed(`the signature of ${name}`)
  return encodeUtf8(`{"${name}":${document},"signature":"${signature}"}`)
}

/**
 * The bundle of a DCAP library's JSON document: `tcb_info`, `tcb_info_signature` (hex),
 * `tcb_info_issuer_chain`, the same of `qe_identity`, `root_ca_crl` and `pck_crl` (hex or PEM), and
 * perhaps `pck_crl_issuer_chain` and `pck_certificate_chain`.
 * @throws EvidenceError `collateral-malformed` or `chain-malformed`
 */
export function collateralFromJson(bytes: Uint8Array): CollateralBundle {
  let json: unknown
  try {
    json = parseStrictJson(bytes, { code: 'ERR_PAYLOAD_MALFORMED', what: 'collateral' })
  } catch (cause) {
    if (cause instanceof InputError) throw malformed('the document', cause)
    throw cause
  }
  const text = (name: string): string => {
    const value = textAt(json, name)
    if (value === undefined) throw malformed(`"${name}"`)
    return value
  }
  const chain = (name: string): Uint8Array | undefined => {
    const value = textAt(json, name)
    return value === undefined ? undefined : encodeUtf8(value)
  }
  const pckCrlChain = chain('pck_crl_issuer_chain')
  const pckChain = chain('pck_certificate_chain')
  return collateralFromPcs({
    tcbInfo: signedDocument('tcbInfo', text('tcb_info'), text('tcb_info_signature')),
    tcbInfoChain: encodeUtf8(text('tcb_info_issuer_chain')),
    qeIdentity: signedDocument(
      'enclaveIdentity',
      text('qe_identity'),
      text('qe_identity_signature'),
    ),
    qeIdentityChain: encodeUtf8(text('qe_identity_issuer_chain')),
    rootCrl: encodeUtf8(text('root_ca_crl')),
    pckCrl: encodeUtf8(text('pck_crl')),
    ...(pckCrlChain === undefined ? {} : { pckCrlChain }),
    ...(pckChain === undefined ? {} : { pckChain }),
  })
}
