/** A registration that is believed only when the Receipt that came back verifies (standards.md IS-17). */
import { ScrapiClient } from '../client/scrapi-client.ts'
import { AttestryError, PolicyError } from '../errors.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { attachReceipts } from '../statement/transparent-statement.ts'
import { verifyTransparentStatement } from '../verify/index.ts'
import type { TrustPolicy, VerifiedStatement } from '../verify/index.ts'
import { bearerFetch } from './bearer-token.ts'
import { offerPayload, storePayload } from './payload-upload.ts'
import type { NamedContent, StoredPayload } from './payload-upload.ts'
import { fetchLogOfReceipt } from './service-trust.ts'

/** What a registration yielded, verified. */
export interface VerifiedRegistration {
  readonly statement: VerifiedStatement
  readonly transparentStatement: Uint8Array
  readonly location: string
  readonly entryId: string
}

export interface RegistrationRequest {
  readonly url: string
  readonly statementBytes: Uint8Array
  readonly trust: TrustPolicy | undefined
  readonly token?: string | undefined
}

/**
 * Registers, and hands over the content of a hash envelope, where there is some. Throws as
 * {@link registerAndVerify} and {@link storePayload}.
 */
export async function registerWithContent(
  request: RegistrationRequest,
  content: NamedContent | undefined,
): Promise<{
  readonly registered: VerifiedRegistration
  readonly stored: StoredPayload | undefined
}> {
  const { url, token } = request
  const upload = content && { ...content, url, token }
  // First, where it is let in: then the service reads it when it decides.
  const offered = upload && (await offerPayload(upload))
  const isLate = upload !== undefined && offered === 'not-yet'
  const registered = await registerAndVerify(request).catch((error: unknown) => {
    // A rule that reads the content saw none, although it is on the command line.
    if (isLate && error instanceof PolicyError) {
      error.message += '; its content was not handed over: before the registration that takes a token (--token-file)' // prettier-ignore
    }
    throw error
  })
  if (!isLate) return { registered, stored: offered }
  const stored = await storePayload(upload).catch((error: unknown) => {
    // There is no way back: whoever reads the error has to know that half of it was done.
    if (error instanceof AttestryError) {
      error.message = `registered as ${registered.entryId}, without its content: ${error.message}`
    }
    throw error
  })
  return { registered, stored }
}

/**
 * Registers, attaches the Receipt and verifies it.
 * @throws UnavailableError, PolicyError or InputError as the service answered.
 * @throws VerificationError when the service's Receipt does not hold.
 */
export async function registerAndVerify(
  request: RegistrationRequest,
): Promise<VerifiedRegistration> {
  const { url, statementBytes, token } = request
  const client = new ScrapiClient(
    token === undefined ? { url } : { url, fetch: bearerFetch(token) },
  )
  const { location, entryId, receipt } = await client.register(statementBytes)
  const trust = request.trust ?? (await trustOfService(url, receipt))
  const verified = await verifyRegistration(statementBytes, receipt, trust)
  return { ...verified, location, entryId }
}

/** The keys that the service itself presents, for a Receipt that it gave. */
export async function trustOfService(url: string, receipt: Uint8Array): Promise<TrustPolicy> {
  return { version: 1, logs: [await fetchLogOfReceipt(url, receipt)], issuers: [] }
}

/**
 * Attaches a Receipt to its statement, and verifies it.
 * @throws VerificationError when the Receipt does not hold.
 */
export async function verifyRegistration(
  statementBytes: Uint8Array,
  receipt: Uint8Array,
  trust: TrustPolicy,
): Promise<Pick<VerifiedRegistration, 'statement' | 'transparentStatement'>> {
  const outcome = await verifyTransparentStatement({
    // The new Receipt alone is in question; earlier ones stay in the file that is written.
    transparentStatement: attachReceipts(parseSignedStatement(statementBytes).entry, [receipt]),
    trust,
    at: Math.floor(Date.now() / 1000),
    receiptOnly: true,
  })
  if (outcome.kind !== 'verified') throw outcome.error
  const transparentStatement = attachReceipts(statementBytes, [receipt])
  return { statement: outcome.statement, transparentStatement }
}
