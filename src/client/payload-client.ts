/**
 * The payload store of an Attestry registry, from outside: content of hash envelopes by digest. What
 * comes back is compared with its name here, so the service need not be believed.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { digest } from '../bytes/digest.ts'
import { NotFoundError, VerificationError } from '../errors.ts'
import { formatPayloadName } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import { ambientFetch, uniformRandom, waitWithTimer } from './ambient.ts'
import { exchange } from './exchange.ts'
import type { Answer, ExchangeOptions, Fetch } from './exchange.ts'
import { serviceBase } from './location.ts'
import { Patience } from './patience.ts'
import { sendPatiently } from './send-patiently.ts'
import { problemOf, serviceError } from './service-error.ts'

export interface PayloadClientOptions {
  /** Where the service is. */
  readonly url: string
  readonly fetch?: Fetch
  readonly wait?: (milliseconds: number) => Promise<void>
  /** Uniform in [0, 1), for jitter. */
  readonly random?: () => number
}

const ACCEPT = 'application/octet-stream, application/problem+json'
const PROBLEM_BYTES_MAX = 65_536
const TIMEOUT_MS = 60_000
const TRIES_MAX = 6
const WAIT_SECONDS_MAX = 60

export class PayloadClient {
  readonly #base: URL
  readonly #options: PayloadClientOptions

  /** @throws InputError `ERR_USAGE` when the URL is not a plain http or https URL. */
  constructor(options: PayloadClientOptions) {
    this.#base = serviceBase(options.url)
    this.#options = options
  }

  /**
   * Stores content under its digest.
   * @returns false when it was there already.
   * @throws VerificationError `ERR_TOKEN_MISSING` when the service wants to know who submits, or has no entry that names it.
   * @throws NotFoundError `ERR_PAYLOAD_PRUNED` when its operator deleted it for good.
   * @throws InputError `ERR_REQUEST` when it is too large for the service.
   * @throws UnavailableError when it gave no answer in time.
   */
  async put(name: PayloadName, bytes: Uint8Array): Promise<boolean> {
    const answer = await this.#send(name, {
      ...{ method: 'PUT', body: bytes, contentType: 'application/octet-stream' },
      bodyBytesMax: PROBLEM_BYTES_MAX,
    })
    if (answer.status === 201) return true
    if (answer.status === 204) return false
    throw refusalOf(name, answer)
  }

  /**
   * Content by its digest.
   * @throws NotFoundError `ERR_PAYLOAD_UNKNOWN`, `ERR_PAYLOAD_PRUNED`, or `ERR_ROUTE_UNKNOWN` where no registry is.
   * @throws VerificationError `ERR_PAYLOAD_MISMATCH` when the service gave something else.
   */
  async get(name: PayloadName, bytesMax: number): Promise<Uint8Array> {
    const answer = await this.#send(name, { bodyBytesMax: bytesMax })
    if (answer.status !== 200) throw refusalOf(name, answer)
    if (equalBytes(digest(name.algorithm, answer.body), name.digest)) return answer.body
    throw new VerificationError(
      'ERR_PAYLOAD_MISMATCH',
      `${answer.url} did not give what its name says`,
    )
  }

  async #send(
    name: PayloadName,
    request: Pick<ExchangeOptions, 'method' | 'body' | 'contentType' | 'bodyBytesMax'>,
  ): Promise<Answer> {
    const url = new URL(`payloads/${formatPayloadName(name)}`, this.#base).href
    const { fetch = ambientFetch, wait = waitWithTimer, random = uniformRandom } = this.#options
    const bounds = { triesMax: TRIES_MAX, waitSecondsMax: WAIT_SECONDS_MAX }
    const common = { fetch, accept: ACCEPT, timeoutMs: TIMEOUT_MS }
    return sendPatiently(
      () => exchange(url, { ...common, ...request }),
      new Patience({ wait, random, ...bounds }),
    )
  }
}

function refusalOf(name: PayloadName, answer: Answer): Error {
  const text = formatPayloadName(name)
  const { status, url } = answer
  const refusal = serviceError(answer)
  if (problemOf(refusal)?.code === 'ERR_PAYLOAD_UNKNOWN') {
    return new NotFoundError('ERR_PAYLOAD_UNKNOWN', `${url}: there is no ${text}`)
  }
  if (status === 410) {
    return new NotFoundError('ERR_PAYLOAD_PRUNED', `${url}: ${text} was deleted by the operator`)
  }
  return refusal
}
