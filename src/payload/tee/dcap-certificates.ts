/**
 * Intel's certificates: the pinned root, which name is for what, and chains as they come with collateral.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { InputError } from '../../errors.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { commonName } from '../../x509/name.ts'
import { CHAIN_LENGTH_MAX } from '../../x509/path.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { CollateralBundle, ListPart } from './collateral-bundle.ts'
import type { SignedJson } from './dcap-json.ts'
import { EvidenceError } from './evidence.ts'

/** SHA-256 of Intel SGX Root CA, valid to 2049-12-31. */
export const INTEL_ROOT_SHA256 = '44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3'

/** What a certificate of Intel's is for. */
export type IntelRole = 'pck' | 'pckCa' | 'tcbSigning'

interface RoleFacts {
  readonly names: readonly string[]
  readonly isCa: boolean
}

/** Common names by role. */
const ROLES: Readonly<Record<IntelRole, RoleFacts>> = {
  pck: { names: ['Intel SGX PCK Certificate'], isCa: false },
  pckCa: { names: ['Intel SGX PCK Platform CA', 'Intel SGX PCK Processor CA'], isCa: true },
  tcbSigning: { names: ['Intel SGX TCB Signing'], isCa: false },
}

/**
 * Parses a part; certificates that are among `known` already are not parsed again, since most chains
 * repeat what another one has.
 * @throws EvidenceError `chain-malformed`
 */
export function readChain(
  collateral: CollateralBundle,
  part: ListPart,
  known: readonly Certificate[],
): Certificate[] | undefined {
  const ders = collateral[part]
  if (ders === undefined) return undefined
  if (ders.length === 0 || ders.length > CHAIN_LENGTH_MAX) {
    throw new EvidenceError('chain-malformed', `${part} has 1 to ${CHAIN_LENGTH_MAX} certificates`)
  }
  try {
    return ders.map((der) => known.find((one) => equalBytes(one.der, der)) ?? parseCertificate(der))
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('chain-malformed', `${part}: ${cause.message}`, { cause })
  }
}

/** @throws EvidenceError `chain-missing` */
export function demandChain(
  chain: readonly Certificate[] | undefined,
  what: string,
): Certificate[] {
  if (chain === undefined) throw new EvidenceError('chain-missing', `there is no chain of ${what}`)
  return [...chain]
}

/**
 * Refuses a genuine certificate for something else, which is easier to come by than a false one.
 * @throws EvidenceError `certificate-role`
 */
export function assertRole(certificate: Certificate, role: IntelRole): void {
  const { names, isCa } = ROLES[role]
  const common = commonName(certificate.subject)
  if (certificate.isCa !== isCa || common === undefined || !names.includes(common)) {
    throw new EvidenceError(
      'certificate-role',
      `a certificate of "${common ?? ''}" is no ${names[0]}`,
    )
  }
}

/**
 * Checks ECDSA P-256 with SHA-256 under a certificate's key.
 * @throws EvidenceError `certificate-role` for a key of another kind
 */
export async function verifyP256(
  verifier: SignatureVerifier,
  { spki }: Certificate,
  { signed, signature }: Pick<SignedJson, 'signed' | 'signature'>,
): Promise<boolean> {
  if (spki.kind !== 'ec' || spki.curve !== 'P-256') {
    throw new EvidenceError('certificate-role', 'the key of the certificate is not on P-256')
  }
  const scheme = { kind: 'ecdsa', curve: 'P-256', hash: 'SHA-256' } as const
  return verifier.verify({ scheme, spki: spki.spki, data: signed, signature })
}
