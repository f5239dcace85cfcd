/**
 * One exchange with a witness over HTTP (C2SP tlog-witness, client side). Answers are bounded in size
 * and time, redirects are not followed, and nothing is believed that does not parse and verify:
 * witnesses in the field answer 500 to what should be 403, and 409 without a body.
 */
import { concatBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError, UnavailableError } from '../errors.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import type { NoteSignature } from '../note/signed-note.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import {
  parseTreeSizeConflict,
  TREE_SIZE_MEDIA_TYPE,
  verifyWitnessAnswer,
} from '../note/witness-messages.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'

/** Largest answer that is read: a few post-quantum cosignatures, or one checkpoint. */
const ANSWER_BYTES_MAX = 65_536

/** How a witness is reached. */
export interface WitnessTransport {
  readonly fetch: typeof fetch
  readonly timeoutMs: number
  /** Ends every exchange when the client closes. */
  readonly closed: AbortSignal
}

/** A request to cosign, and what its answer is held against. */
export interface CosignRequest {
  readonly url: string
  readonly body: Uint8Array
  readonly checkpoint: SignedCheckpoint
  readonly key: VerifierKey
  readonly verifier: SignatureVerifier
  /** Cosignatures of a later time do not count. */
  readonly notAfter: UnixSeconds
}

/** What a witness answered. */
export type WitnessAnswer =
  | { readonly kind: 'cosigned'; readonly signatures: readonly NoteSignature[] }
  /** The witness holds another size than the request started from. */
  | { readonly kind: 'conflict'; readonly treeSize: bigint }
  /** 409 without a size, or 422: it holds another tree, or is not one that follows the table. */
  | { readonly kind: 'inconsistent'; readonly status: number }

/**
 * Asks a witness for its cosignature.
 * @throws UnavailableError `ERR_NETWORK` | `ERR_TIMEOUT` when there is no answer, or a 5xx or 429.
 * @throws InputError `ERR_RESPONSE` | `ERR_NOTE_MALFORMED` and VerificationError `ERR_NOTE_SIGNATURE`
 *   for an answer that is not one.
 */
export async function askWitness(
  request: CosignRequest,
  transport: WitnessTransport,
): Promise<WitnessAnswer> {
  const init = { method: 'POST', body: request.body as Uint8Array<ArrayBuffer> }
  const { status, type, body } = await exchange(`${request.url}/add-checkpoint`, init, transport)
  if (status === 200) {
    const { checkpoint, key, verifier, notAfter } = request
    const keys = [key]
    const found = await verifyWitnessAnswer({ answer: body, checkpoint, keys, verifier, notAfter })
    return { kind: 'cosigned', signatures: found.map(({ signature }) => signature) }
  }
  if (status === 409 && type === TREE_SIZE_MEDIA_TYPE) {
    return { kind: 'conflict', treeSize: parseTreeSizeConflict(body) }
  }
  if (status === 409 || status === 422) return { kind: 'inconsistent', status }
  throw unexpected(status)
}

/**
 * The checkpoint that a witness publishes for an origin, unverified.
 * @throws UnavailableError | InputError as {@link askWitness}; many witnesses publish none.
 */
export async function fetchCosigned(url: string, transport: WitnessTransport): Promise<Uint8Array> {
  const { status, body } = await exchange(url, { method: 'GET' }, transport)
  if (status !== 200) throw unexpected(status)
  return body
}

interface Exchanged {
  readonly status: number
  readonly type: string | undefined
  readonly body: Uint8Array
}

async function exchange(
  url: string,
  init: RequestInit,
  { fetch, timeoutMs, closed }: WitnessTransport,
): Promise<Exchanged> {
  // AbortSignal.any() would keep a reference for each exchange on the long-lived signal.
  const controller = new AbortController()
  const abort = (): void => controller.abort(closed.reason)
  const late = (): void => controller.abort(new DOMException('late', 'TimeoutError'))
  closed.addEventListener('abort', abort)
  if (closed.aborted) abort()
  const timer = setTimeout(late, timeoutMs)
  try {
    const response = await fetch(url, { ...init, signal: controller.signal, redirect: 'error' })
    const { status, headers } = response
    const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
    return { status, type, body: await readBounded(response) }
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    const isLate = cause instanceof Error && cause.name === 'TimeoutError'
    const code = isLate ? 'ERR_TIMEOUT' : 'ERR_NETWORK'
    const reason = isLate ? `no answer within ${timeoutMs} ms` : messageOf(cause)
    throw new UnavailableError(code, `the witness cannot be reached: ${reason}`, { cause })
  } finally {
    clearTimeout(timer)
    closed.removeEventListener('abort', abort)
  }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  if (reader === undefined) return new Uint8Array(0)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(...chunks)
    length += value.length
    chunks.push(value)
    if (length <= ANSWER_BYTES_MAX) continue
    await reader.cancel()
    throw new InputError('ERR_RESPONSE', `the answer is larger than ${ANSWER_BYTES_MAX} bytes`)
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

function unexpected(status: number): Error {
  const message = `the witness answered ${status}`
  return status >= 500 || status === 429
    ? new UnavailableError('ERR_NETWORK', message)
    : new InputError('ERR_RESPONSE', message)
}
