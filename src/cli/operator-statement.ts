/**
 * Statements by which an operator governs a log: signed with an operator key in the log's own name,
 * and registered like any other.
 */
import type { Signer } from '../cose/signer.ts'
import { assertRegistrable, parseSignedStatement } from '../statement/signed-statement.ts'
import { signStatement } from '../statement/sign-statement.ts'
import { readToken } from './bearer-token.ts'
import { registerAndVerify } from './verified-registration.ts'
import type { VerifiedRegistration } from './verified-registration.ts'
import { fetchTrustedLog } from './service-trust.ts'
import { readTrustFile } from './trust-file.ts'

/** What the operator states. */
export interface OperatorDocument {
  readonly payload: Uint8Array
  readonly subject: string
  readonly contentType: string
}

export interface OperatorOptions {
  readonly url: string
  /** The log's issuer; by default what the log itself presents. */
  readonly issuer?: string
  readonly trust?: string
  readonly tokenFile?: string
}

export interface OperatorStatement {
  readonly issuer: string
  readonly registered: VerifiedRegistration
}

/** Throws as {@link registerAndVerify}. */
export async function registerByOperator(
  document: OperatorDocument,
  signer: Signer,
  options: OperatorOptions,
): Promise<OperatorStatement> {
  const { url } = options
  const trust = options.trust === undefined ? undefined : await readTrustFile(options.trust)
  const token = await readToken(options.tokenFile)
  const issuer = options.issuer ?? (await fetchTrustedLog({ url })).issuer
  const statementBytes = await signStatement({
    ...document,
    issuer,
    signer,
    // Also so that the same can be stated again: its first statement is in the log already.
    issuedAt: Math.floor(Date.now() / 1000),
  })
  assertRegistrable(parseSignedStatement(statementBytes))
  const registered = await registerAndVerify({ url, statementBytes, trust, token })
  return { issuer, registered }
}
