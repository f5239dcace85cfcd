/**
 * Who hands something in: what the request shows, verified, and counted against their quota. A
 * client certificate is looked at only where this server itself ends TLS and asks for one.
 */
import type { Request, Response } from 'express'
import { TLSSocket } from 'node:tls'
import { encodeHex } from '../bytes/hex.ts'
import { sha256 } from '../bytes/digest.ts'
import { VerificationError } from '../errors.ts'
import type { Submitter } from '../registry/ports.ts'
import type { HttpContext } from './context.ts'

/** Kept with the response: what to give back when the fault is ours. */
interface Charged {
  readonly submitter: Submitter
  bytes: number
}

/**
 * Undefined for nobody where nobody has to be known. Comes before the body: who may not register
 * sends none.
 * @throws VerificationError `ERR_TOKEN_MISSING`, `ERR_TOKEN_INVALID` or `ERR_TOKEN_SCOPE`.
 * @throws UnavailableError `ERR_RATE_LIMITED` when the submitter's own rate is used up.
 */
export async function authenticateSubmitter(
  { registry, quotas }: HttpContext,
  req: Request,
  res: Response,
): Promise<Submitter | undefined> {
  const certificate = clientCertificateOf(req)
  const submitter = await registry.authenticate(req.headers.authorization, certificate)
  if (submitter !== undefined) {
    quotas.begin(submitter)
    res.locals['charged'] = { submitter, bytes: 0 } satisfies Charged
  }
  return submitter
}

/**
 * Counts the bytes of a body.
 * @throws UnavailableError `ERR_QUOTA`.
 */
export function chargeBytes({ quotas }: HttpContext, res: Response, bytes: number): void {
  const charged = res.locals['charged'] as Charged | undefined
  if (charged === undefined) return
  quotas.charge(charged.submitter, bytes)
  charged.bytes += bytes
}

/** Gives back what the request was charged. */
export function refundSubmitter({ quotas }: HttpContext, res: Response): void {
  const charged = res.locals['charged'] as Charged | undefined
  if (charged !== undefined) quotas.refund(charged.submitter, charged.bytes)
}

/** One look a connection, not one a request. */
const certificates = new WeakMap<TLSSocket, string>()

/**
 * Lowercase hex SHA-256 of a client certificate that leads to the configured authorities.
 * @throws VerificationError `ERR_TOKEN_INVALID` for one that does not: what is shown has to hold.
 */
function clientCertificateOf({ socket }: Request): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const known = certificates.get(socket)
  if (known !== undefined) return known
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  if (!socket.authorized) {
    throw new VerificationError(
      'ERR_TOKEN_INVALID',
      'the client certificate is of no authority that is accepted here, or not valid now',
    )
  }
  const digest = encodeHex(sha256(new Uint8Array(certificate.raw)))
  certificates.set(socket, digest)
  return digest
}
