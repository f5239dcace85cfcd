/**
 * The header of statements signed by an attested key (Microsoft's `attestedsvc` profile, statements.md
 * §5.9): who says so, with which evidence, about which key. Read only; attested-statement.ts verifies.
 * Samples up to August 2025 name the header `msft-css-dev`.
 */
import type { CborMap, CborValue } from '../../cbor/decode.ts'
import { HEADER } from '../../cose/labels.ts'
import { publicKeyFromCose, type PublicKey } from '../../cose/public-key.ts'
import { InputError } from '../../errors.ts'
import type { SignedStatement } from '../../statement/signed-statement.ts'
import { EvidenceError } from './evidence.ts'

/** Names of the header parameter, the present one first. */
export const ATTESTED_HEADERS = ['attestedsvc', 'msft-css-dev'] as const
/** How issuers of this profile begin. */
export const ISSUER_PREFIX = 'did:attestedsvc:'
const ATTESTATION_TYPE = 'SEV-SNP:ContainerPlat-AMD-UVM'
const VERSION = 0

/** The attested header, read and not verified. */
export interface AttestedHeader {
  readonly name: (typeof ATTESTED_HEADERS)[number]
  readonly attestation: Uint8Array
  readonly snpEndorsements: Uint8Array
  readonly uvmEndorsements: Uint8Array
  readonly serviceId?: string
  readonly key: PublicKey
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', message, { cause })
}

/** True when the statement says that it is of this profile. */
export function isAttestedStatement({ message, headers }: SignedStatement): boolean {
  return (
    headers.issuer?.startsWith(ISSUER_PREFIX) === true &&
    ATTESTED_HEADERS.some((name) => message.protectedHeader.has(name))
  )
}

/** True for statements that nobody registers without having verified the attested header. */
export function isCriticallyAttested(statement: SignedStatement): boolean {
  const critical = statement.message.protectedHeader.get(HEADER.critical)
  return (
    isAttestedStatement(statement) &&
    Array.isArray(critical) &&
    ATTESTED_HEADERS.some((name) => (critical as readonly CborValue[]).includes(name))
  )
}

/**
 * Reads the attested header of a protected header; nothing is verified.
 * @throws EvidenceError `malformed` or `unsupported`.
 */
export function readAttestedHeader(header: CborMap): AttestedHeader {
  const [name, ...more] = ATTESTED_HEADERS.filter((label) => header.has(label))
  const value = name === undefined ? undefined : header.get(name)
  if (name === undefined || more.length > 0 || !(value instanceof Map)) {
    throw malformed('the statement has no attested header')
  }
  const members: CborMap = value
  const bytes = (label: string): Uint8Array => {
    const member = members.get(label)
    if (!(member instanceof Uint8Array)) throw malformed(`${label} is not a byte string`)
    return member
  }
  if (members.get('attestation_type') !== ATTESTATION_TYPE || members.get('ver') !== VERSION) {
    throw new EvidenceError('unsupported', 'an attested header of another type or version')
  }
  const serviceId = members.get('svc_id')
  if (serviceId !== undefined && typeof serviceId !== 'string') throw malformed('bad svc_id')
  return {
    name,
    attestation: bytes('attestation'),
    snpEndorsements: bytes('snp_endorsements'),
    uvmEndorsements: bytes('uvm_endorsements'),
    ...(serviceId === undefined ? {} : { serviceId }),
    key: readKey(members.get('cose_key')),
  }
}

function readKey(value: CborValue): PublicKey {
  try {
    return publicKeyFromCose(value)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(`cose_key: ${cause.message}`, cause)
  }
}
