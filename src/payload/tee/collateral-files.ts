/**
 * Collateral as files: whatever Intel's PCS, AMD's KDS, Azure's THIM or a cache of theirs serve, made
 * into one bundle. A file is known by what is in it, so names do not matter: signed JSON by its member,
 * lists by their issuer, chains by whom their first certificate is about. Only the form is read; the
 * appraisal judges.
 */
import { decodeUtf8, encodeUtf8 } from '../../bytes/bytes.ts'
import { decodeHex } from '../../bytes/hex.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { AttestryError, InputError } from '../../errors.ts'
import { commonName } from '../../x509/name.ts'
import { decodePem } from '../../x509/pem.ts'
import { asObject, textAt } from '../json-members.ts'
import { readCertificates } from './certificate-chain.ts'
import { parseCollateral } from './collateral-bundle.ts'
import type { CollateralBundle, ListPart, SinglePart } from './collateral-bundle.ts'
import { EvidenceError } from './evidence.ts'
import { collateralFromJson } from './pcs-collateral.ts'
import { parseList } from './revocation.ts'

/** A file, and what messages call it. */
export interface NamedFile {
  readonly name: string
  readonly bytes: Uint8Array
}

type Parts = Partial<Record<SinglePart, Uint8Array>> & Partial<Record<ListPart, Uint8Array[]>>

const BRACE = 0x7b
const MAP_LOW = 0xa0
const MAP_HIGH = 0xbf
const DER_SEQUENCE = 0x30

function malformed(name: string, message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('collateral-malformed', `${name}: ${message}`, { cause })
}

/**
 * The bundle of some files.
 * @throws EvidenceError `collateral-malformed` for a file that is no collateral, or two for one part.
 */
export function collateralFromFiles(files: readonly NamedFile[]): CollateralBundle {
  const bundle: Parts = {}
  for (const { name, bytes } of files) {
    let parts: CollateralBundle
    try {
      parts = readFile(bytes)
    } catch (cause) {
      if (!(cause instanceof AttestryError)) throw cause
      throw malformed(name, cause.message, cause)
    }
    addParts(bundle, parts, name)
  }
  return bundle
}

/** `certificates` and `crls` are pools that files add to; of every other part there is one. */
function addParts(bundle: Parts, parts: CollateralBundle, name: string): void {
  for (const [part, value] of Object.entries(parts)) {
    const isPool = part === 'certificates' || part === 'crls'
    if (isPool) bundle[part] = [...(bundle[part] ?? []), ...(value as readonly Uint8Array[])]
    else if (Object.hasOwn(bundle, part)) throw malformed(name, `a second file for ${part}`)
    else Object.assign(bundle, { [part]: value })
  }
}

function readFile(bytes: Uint8Array): CollateralBundle {
  const [first] = bytes
  if (first === undefined) throw new EvidenceError('collateral-malformed', 'is empty')
  if (first >= MAP_LOW && first <= MAP_HIGH) return parseCollateral(bytes)
  if (first === DER_SEQUENCE) return isList(bytes) ? listPart(bytes) : chainPart(bytes)
  if (bytes.find((byte) => byte > 0x20) === BRACE) return readJson(bytes)
  return readText(bytes)
}

function isList(der: Uint8Array): boolean {
  try {
    parseList(der)
    return true
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    return false
  }
}

/** PCS and PCCS answer lists in DER, PEM or hex. */
function readText(bytes: Uint8Array): CollateralBundle {
  const text = decodeUtf8(bytes).trim()
  if (text.includes('-----BEGIN X509 CRL-----')) {
    return joinLists(decodePem(text, 'X509 CRL'))
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return chainPart(encodeUtf8(text))
  if (/^[0-9a-fA-F]+$/.test(text)) return listPart(decodeHex(text.toLowerCase()))
  throw new EvidenceError('collateral-malformed', 'neither JSON, PEM, DER nor a bundle')
}

function joinLists(lists: readonly Uint8Array[]): CollateralBundle {
  const bundle: Parts = {}
  for (const der of lists) addParts(bundle, listPart(der), 'CRL')
  return bundle
}

/** Intel's lists have places of their own. */
function listPart(der: Uint8Array): CollateralBundle {
  const issuer = commonName(parseList(der).issuer) ?? ''
  if (issuer.startsWith('Intel SGX Root CA')) return { 'intel-root-crl': der }
  if (issuer.startsWith('Intel SGX PCK ')) return { 'intel-pck-crl': der }
  return { crls: [der] }
}

const CHAINS: readonly (readonly [subject: RegExp, part: ListPart])[] = [
  [/^Intel SGX TCB Signing/, 'intel-tcb-info-chain'],
  [/^Intel SGX PCK Certificate/, 'intel-pck-chain'],
  [/^Intel SGX PCK (?:Platform|Processor) CA/, 'intel-pck-crl-chain'],
]

function chainPart(bytes: Uint8Array): CollateralBundle {
  const chain = readCertificates(bytes)
  const leaf = commonName(chain[0]!.subject) ?? ''
  const part = CHAINS.find(([subject]) => subject.test(leaf))?.[1] ?? 'certificates'
  return { [part]: chain.map(({ der }) => der) }
}

function readJson(bytes: Uint8Array): CollateralBundle {
  const json = asObject(parseJson(bytes)) ?? {}
  if (Object.hasOwn(json, 'tcbInfo')) return { 'intel-tcb-info': bytes }
  if (Object.hasOwn(json, 'enclaveIdentity')) return { 'intel-qe-identity': bytes }
  if (Object.hasOwn(json, 'tcb_info')) return collateralFromJson(bytes)
  const [vcek, chain] = [textAt(json, 'vcekCert'), textAt(json, 'certificateChain')]
  if (vcek === undefined) {
    throw new EvidenceError('collateral-malformed', 'JSON of another form')
  }
  const certificates = readCertificates(encodeUtf8(`${vcek}\n${chain ?? ''}`))
  return { certificates: certificates.map(({ der }) => der) }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes, { code: 'ERR_PAYLOAD_MALFORMED', what: 'collateral' })
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('collateral-malformed', cause.message, { cause })
  }
}
