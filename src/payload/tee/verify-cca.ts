/**
 * Verification of Arm CCA tokens (statements.md §5.4): the platform token by a CPAK that endorsements
 * name, the binding of the realm's key, the realm token by that key. A token states no time and its keys
 * have no dates.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { parseCcaToken, vouchesForRealm } from './cca-token.ts'
import type { CcaPlatform, CcaToken } from './cca-token.ts'
import { EvidenceError, PLATFORM_KEYS_TRIED_MAX } from './evidence.ts'
import type { EvidenceFacts, Measurement } from './evidence.ts'
import { verifyForeignSign1 } from './foreign-sign1.ts'

/** The state "secured" of the platform's lifecycle, in the high byte (Arm DEN0137). */
const LIFECYCLE_SECURED = 0x30

export interface VerifyCcaRequest {
  readonly token: Uint8Array
  /** CPAKs from endorsements that count. */
  readonly platformKeys: readonly PublicKey[]
  readonly verifier: SignatureVerifier
}

/** Facts of a verified token. `reportData` is the realm's challenge. */
export interface CcaFacts extends EvidenceFacts {
  readonly teeType: 'cca'
  readonly token: CcaToken
  readonly platformKey: PublicKey
}

/**
 * Verifies a token.
 * @throws EvidenceError with the reason.
 */
export async function verifyCca(request: VerifyCcaRequest): Promise<CcaFacts> {
  const { verifier } = request
  const token = parseCcaToken(request.token)
  const { platform, realm } = token
  const platformKey = await findPlatformKey(platform, request)
  if (!vouchesForRealm(token)) {
    throw new EvidenceError('realm-key-binding', 'the platform vouches for another realm key')
  }
  const { message, key } = realm
  await verifyForeignSign1({ message, key, verifier }, 'realm-signature')
  return {
    ...ccaTokenFacts(token),
    validFrom: 0,
    validUntil: Number.MAX_SAFE_INTEGER,
    token,
    platformKey,
  }
}

/** What a token says; nothing is verified here. */
export function ccaTokenFacts(
  token: CcaToken,
): Pick<CcaFacts, 'teeType' | 'measurements' | 'debug' | 'reportData' | 'findings'> {
  const { lifecycle } = token.platform
  const isSecured = Math.floor(lifecycle / 256) === LIFECYCLE_SECURED
  const message = `the platform's lifecycle is ${lifecycle}`
  return {
    teeType: 'cca',
    measurements: measurementsOf(token),
    debug: !isSecured,
    reportData: token.realm.challenge,
    findings: isSecured ? [] : [{ code: 'cca-lifecycle', message }],
  }
}

async function findPlatformKey(
  { message }: CcaPlatform,
  { platformKeys, verifier }: VerifyCcaRequest,
): Promise<PublicKey> {
  if (platformKeys.length === 0) {
    throw new EvidenceError('attestation-key-missing', 'no endorsement names a platform key')
  }
  let failure: unknown
  for (const key of platformKeys.slice(0, PLATFORM_KEYS_TRIED_MAX)) {
    try {
      await verifyForeignSign1({ message, key, verifier }, 'platform-signature')
      return key
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error
      failure ??= error
    }
  }
  throw failure
}

function measurementsOf({ platform, realm }: CcaToken): Measurement[] {
  const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)
  return [
    { name: 'rim', value: encodeHex(realm.rim) },
    ...realm.rems.flatMap((rem, index) =>
      isZero(rem) ? [] : [{ name: `rem${index}`, value: encodeHex(rem) }],
    ),
    ...(isZero(realm.personalization)
      ? []
      : [{ name: 'personalization', value: encodeHex(realm.personalization) }]),
    { name: 'implementation-id', value: encodeHex(platform.implementationId) },
    ...platform.components.map(({ measurement }) => ({
      name: 'component',
      value: encodeHex(measurement),
    })),
  ]
}
