/**
 * Verification of TPM 2.0 quotes (statements.md §5.5): the signature by the attestation key, the PCR
 * values against the quoted digest, and who vouches for the key. A quote alone proves nothing about
 * its key: a confidential VM's hardware report vouches for it (`hcl-report.ts`), a certificate chain
 * does, or the key is registered. Without one of the three nothing is accepted.
 */
import { concatBytes, equalBytes } from '../../bytes/bytes.ts'
import { digest } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { trustedKeys } from './attestation-key-trust.ts'
import type { AttestationKeyTrust } from './attestation-key-trust.ts'
import { EvidenceError, PLATFORM_KEYS_TRIED_MAX } from './evidence.ts'
import type { EvidenceFacts, Measurement } from './evidence.ts'
import { parseTpmAttest, tpmHashBytes, tpmHashOfLength } from './tpm-attest.ts'
import type { TpmAttest, TpmHash } from './tpm-attest.ts'
import { parseTpmSignature } from './tpm-signature.ts'

/** Values of registers by bank and index. */
export type PcrBanks = Readonly<Partial<Record<TpmHash, ReadonlyMap<number, Uint8Array>>>>

export interface VerifyTpmRequest {
  /** TPMS_ATTEST. */
  readonly quote: Uint8Array
  readonly signature: Uint8Array
  /** Values of the quoted registers; without them only their digest is known. */
  readonly pcrs?: PcrBanks
  readonly trust: AttestationKeyTrust
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** Facts of a verified quote. `reportData` is the extra data. */
export interface TpmFacts extends EvidenceFacts {
  readonly teeType: 'tpm'
  readonly attest: TpmAttest
  readonly attestationKey: PublicKey
  /** Registers whose values were given and match the quote. */
  readonly pcrs: PcrBanks
  /** The hardware evidence that vouches for the key. */
  readonly platform?: EvidenceFacts
}

/**
 * Verifies a quote.
 * @throws EvidenceError with the reason.
 */
export async function verifyTpmQuote(request: VerifyTpmRequest): Promise<TpmFacts> {
  const attest = parseTpmAttest(request.quote)
  const trusted = await trustedKeys(request)
  const attestationKey = await findSigner(request, trusted.keys, attest)
  const pcrs = request.pcrs === undefined ? {} : matchPcrs(attest, request.pcrs)
  const { platform } = trusted
  return {
    teeType: 'tpm',
    measurements: [
      { name: 'pcr-digest', value: encodeHex(attest.pcrDigest) },
      ...pcrMeasurements(pcrs),
    ],
    debug: platform?.debug ?? false,
    reportData: attest.extraData,
    ...(trusted.certificateSha256 === undefined
      ? {}
      : { platformCertificateSha256: trusted.certificateSha256 }),
    validFrom: trusted.validFrom,
    validUntil: trusted.validUntil,
    findings: trusted.findings,
    attest,
    attestationKey,
    pcrs,
    ...(platform === undefined ? {} : { platform }),
  }
}

async function findSigner(
  { quote, signature, verifier }: VerifyTpmRequest,
  keys: readonly PublicKey[],
  attest: TpmAttest,
): Promise<PublicKey> {
  if (keys.length === 0) {
    throw new EvidenceError('attestation-key-missing', 'nothing vouches for the attestation key')
  }
  let failure: EvidenceError | undefined
  for (const key of keys.slice(0, PLATFORM_KEYS_TRIED_MAX)) {
    try {
      if (await isSignedBy(key, { quote, signature, attest }, verifier)) return key
    } catch (error) {
      // A signature that this kind of key cannot have made may be of the next.
      if (!(error instanceof EvidenceError)) throw error
      failure ??= error
    }
  }
  if (keys.length === 1 && failure !== undefined) throw failure
  throw new EvidenceError('quote-signature', 'the quote is not signed by the attestation key')
}

interface SignedQuote {
  readonly quote: Uint8Array
  readonly signature: Uint8Array
  readonly attest: TpmAttest
}

async function isSignedBy(
  key: PublicKey,
  { quote, signature, attest }: SignedQuote,
  verifier: SignatureVerifier,
): Promise<boolean> {
  const parsed = parseTpmSignature(signature, key)
  // The registers are hashed with the hash of the signing scheme (TPM 2.0 Part 3, TPM2_Quote).
  if (attest.pcrDigest.length !== tpmHashBytes(parsed.hash)) return false
  for (const scheme of parsed.schemes) {
    const request = { scheme, spki: key.spki, data: quote, signature: parsed.signature }
    if (await verifier.verify(request)) return true
  }
  return false
}

/** The given values of the quoted registers, which must be the ones that were quoted. */
function matchPcrs({ selections, pcrDigest }: TpmAttest, banks: PcrBanks): PcrBanks {
  const parts: Uint8Array[] = []
  const matched = new Map<TpmHash, Map<number, Uint8Array>>()
  for (const { hash, indexes } of selections) {
    const own = matched.get(hash) ?? new Map<number, Uint8Array>()
    for (const index of indexes) {
      const value = banks[hash]?.get(index)
      if (value?.length !== tpmHashBytes(hash)) {
        throw new EvidenceError('pcr-digest', `the value of register ${index} is missing`)
      }
      parts.push(value)
      own.set(index, value)
    }
    matched.set(hash, own)
  }
  const name = tpmHashOfLength(pcrDigest.length)
  const isDigest = name !== undefined && name !== 'SHA-1'
  if (!isDigest || !equalBytes(digest(name, concatBytes(...parts)), pcrDigest)) {
    throw new EvidenceError('pcr-digest', 'the registers given are not those that were quoted')
  }
  return Object.fromEntries(matched)
}

/** Measurements of registers: each once, of the strongest bank; registers that were never extended are left out. */
export function pcrMeasurements(pcrs: PcrBanks): Measurement[] {
  const order: readonly TpmHash[] = ['SHA-512', 'SHA-384', 'SHA-256', 'SHA-1']
  const bank = order.map((hash) => pcrs[hash]).find((values) => values !== undefined)
  return [...(bank ?? [])]
    .filter(([, value]) => !value.every((byte) => byte === 0 || byte === 0xff))
    .map(([index, value]) => ({ name: `pcr${index}`, value: encodeHex(value) }))
}
