/** One issuer, one log, and how the verifier's tests sign, register and verify with them. */
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { verifyTransparentStatement } from '../../src/verify/index.ts'
import type {
  TrustedLog,
  TrustPolicy,
  VerificationOutcome,
  VerifiedStatement,
  VerifyOptions,
} from '../../src/verify/index.ts'
import { SmallLog } from './small-log.ts'
import { testSigner } from '../support/test-signer.ts'

export const payload = encodeUtf8('{"_type":"https://in-toto.io/Statement/v1"}')
export const issuer = 'https://acme.example'
export const signer = testSigner()
export const log = new SmallLog()
export const at = log.registrationTime + 60

export const sign = (options: Partial<SignStatementRequest> = {}): Promise<Uint8Array> =>
  signStatement({
    payload,
    issuer,
    subject: 'pkg:npm/demo@1.0.0',
    contentType: 'application/vnd.in-toto+json',
    signer,
    ...options,
  })
export const trustedLog = (of: SmallLog, options: Partial<TrustedLog> = {}): TrustedLog => ({
  issuer: of.issuer,
  origin: of.origin,
  profile: 'attestry',
  leafRule: 'entry',
  keys: [of.signer.publicKey],
  ...options,
})
export const anchors: readonly TrustAnchor[] = [
  { kind: 'cose-key', key: signer.publicKey, issuers: [issuer] },
]
export const trust = (...logs: TrustedLog[]): TrustPolicy => ({
  version: 1,
  logs,
  issuers: anchors,
})

export const entryOf = (statement: Uint8Array): Uint8Array => parseSignedStatement(statement).entry
export const register = async (statement: Uint8Array, ...logs: SmallLog[]): Promise<Uint8Array> =>
  attachReceipts(statement, await Promise.all(logs.map((one) => one.receipt(entryOf(statement)))))

export async function verify(
  transparentStatement: Uint8Array,
  options: Partial<VerifyOptions> = {},
): Promise<VerificationOutcome> {
  return verifyTransparentStatement({
    transparentStatement,
    trust: trust(trustedLog(log)),
    at,
    ...options,
  })
}

export function verified(outcome: VerificationOutcome): VerifiedStatement {
  if (outcome.kind !== 'verified') throw outcome.error
  return outcome.statement
}
