/**
 * A client of SCITT services (SCRAPI) that speaks every generation in use: draft-11's 201, 202 and
 * 204; the 303 and 302 of -04 to -10; the operations of -00 to -03, DataTrails and CCF. What comes
 * back is the service's word: callers verify the Receipt before they say that anything happened.
 * Keys are service-keys.ts.
 */
import { InputError, NotFoundError } from '../errors.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { ambientFetch, uniformRandom, waitWithTimer } from './ambient.ts'
import { readAnswerBody } from './answer-body.ts'
import type { Operation } from './answer-body.ts'
import { exchange } from './exchange.ts'
import type { Answer, Fetch } from './exchange.ts'
import { lastSegment, resolveLocation, segmentUrl, serviceBase } from './location.ts'
import { Patience } from './patience.ts'
import { sendPatiently } from './send-patiently.ts'
import { isTemporary, serviceError } from './service-error.ts'
import { fetchServiceKey, fetchServiceKeys } from './service-keys.ts'
import type { ServiceKeys } from './service-keys.ts'

/** Bounds of one call; defaults in {@link CLIENT_LIMITS}. */
export interface ClientLimits {
  /** Requests to one resource before giving up. */
  readonly triesMax: number
  /** Total time spent between requests. */
  readonly waitSecondsMax: number
  readonly requestTimeoutMs: number
  readonly receiptBytesMax: number
  readonly keysBytesMax: number
}

export const CLIENT_LIMITS: ClientLimits = {
  triesMax: 30,
  waitSecondsMax: 180,
  requestTimeoutMs: 30_000,
  receiptBytesMax: 131_072,
  keysBytesMax: 1_048_576,
}

export interface ScrapiClientOptions {
  /** Where the service is; paths of the API are resolved below it. */
  readonly url: string
  readonly fetch?: Fetch
  readonly wait?: (milliseconds: number) => Promise<void>
  /** Uniform in [0, 1), for jitter. */
  readonly random?: () => number
  readonly limits?: Partial<ClientLimits>
}

/** A Receipt as a service gave it: not verified. */
export interface Registration {
  /** URL of the entry; a fresh Receipt can be had there. */
  readonly location: string
  /** The service's id of the entry, opaque. */
  readonly entryId: string
  readonly receipt: Uint8Array
}

/** Both: success is COSE, errors and operations are CBOR (standards.md IS-11). */
const ACCEPT =
  'application/cose, application/scitt-receipt+cose, application/cbor, application/concise-problem-details+cbor'

/**
 * One service.
 * @example
 * const client = new ScrapiClient({ url: 'https://ts.example' })
 * const { location, receipt } = await client.register(statement)
 */
export class ScrapiClient {
  readonly base: URL
  readonly #fetch: Fetch
  readonly #wait: (milliseconds: number) => Promise<void>
  readonly #random: () => number
  readonly #limits: ClientLimits

  /** @throws InputError `ERR_USAGE` when the URL is not a plain http or https URL. */
  constructor(options: ScrapiClientOptions) {
    this.base = serviceBase(options.url)
    this.#fetch = options.fetch ?? ambientFetch
    this.#wait = options.wait ?? waitWithTimer
    this.#random = options.random ?? uniformRandom
    this.#limits = { ...CLIENT_LIMITS, ...options.limits }
  }

  /**
   * Registers a Signed Statement and waits for its Receipt. Registration is idempotent, so a lost
   * answer or a busy service is tried again.
   * @throws PolicyError `ERR_POLICY_REJECTED` when the service's policy refuses.
   * @throws InputError `ERR_REQUEST` when the service calls the statement malformed, `ERR_RESPONSE` when its answer is of no known form.
   * @throws NotFoundError `ERR_REGISTRATION_FAILED` when an accepted registration failed later.
   * @throws UnavailableError when it gave no answer in time.
   */
  async register(statement: Uint8Array): Promise<Registration> {
    const patience = this.#patience()
    const url = new URL('entries', this.base).href
    const request = { method: 'POST', body: statement } as const
    const answer = await sendPatiently(() => this.#send(url, request), patience)
    return this.#afterPost(answer, patience)
  }

  /**
   * The Receipt at an entry's location (absolute, or relative to the service), waiting while the
   * registration runs.
   * @throws NotFoundError when the entry is unknown or its registration failed; see {@link register}.
   */
  async resolveReceipt(location: string): Promise<Registration> {
    return this.#poll(resolveLocation(location, this.base.href), this.#patience())
  }

  /** The service's keys; see {@link fetchServiceKeys}. */
  async fetchKeys(): Promise<readonly PublicKey[]> {
    return (await this.fetchServiceKeys()).keys
  }

  /** The service's keys, where they came from, and the issuer name that it claims. */
  async fetchServiceKeys(): Promise<ServiceKeys> {
    return fetchServiceKeys(this.base, this.#keysExchange())
  }

  /** One key by its kid, also a retired one; see {@link fetchServiceKey}. */
  async fetchKey(kid: Uint8Array): Promise<PublicKey> {
    return fetchServiceKey(this.base, kid, this.#keysExchange())
  }

  async #afterPost(answer: Answer, patience: Patience): Promise<Registration> {
    const { status, location, retryAfterSeconds } = answer
    if (status === 302 || status === 303) {
      const next = requireLocation(answer)
      await patience.pause(retryAfterSeconds ?? 0, 'the registration is still running')
      return this.#poll(next, patience)
    }
    if (status < 200 || status > 299) throw serviceError(answer)
    const body = readAnswerBody(answer)
    if (body.kind === 'receipt' && status !== 202) {
      const url = location === undefined ? answer.url : resolveLocation(location, answer.url)
      return registration(url, body.receipt)
    }
    if (body.kind === 'operation') return this.#followOperation(answer, body, patience)
    const next = requireLocation(answer)
    await patience.pause(retryAfterSeconds, 'the registration is still running')
    return this.#poll(next, patience)
  }

  /** Asks `url` until it holds a Receipt; other resources may have to be asked on the way. */
  async #poll(start: string, patience: Patience): Promise<Registration> {
    let url = start
    for (;;) {
      const answer = await this.#send(url, { method: 'GET' })
      const { status } = answer
      if (status === 302 || status === 303) {
        // "Not yet", and perhaps elsewhere: -04 to -10 give the same or the final resource.
        if (answer.location !== undefined) url = requireLocation(answer)
      } else if (status === 200 || status === 201) {
        const body = readAnswerBody(answer)
        if (body.kind === 'receipt') {
          return registration(
            answer.location === undefined ? url : requireLocation(answer),
            body.receipt,
          )
        }
        if (body.kind === 'operation' && body.status !== 'running') {
          return this.#followOperation(answer, body, patience)
        }
      } else if (status !== 202 && status !== 204 && !isTemporary(status)) {
        throw serviceError(answer)
      }
      await patience.pause(answer.retryAfterSeconds, 'the registration is still running')
    }
  }

  async #followOperation(
    answer: Answer,
    operation: Operation,
    patience: Patience,
  ): Promise<Registration> {
    if (operation.status === 'failed') {
      const reason = operation.error ?? 'the service gave no reason'
      throw new NotFoundError('ERR_REGISTRATION_FAILED', `the registration failed: ${reason}`)
    }
    if (operation.entryId !== undefined) return this.#receiptOf(operation.entryId, patience)
    if (operation.status === 'succeeded' && answer.location === undefined) {
      throw new InputError('ERR_RESPONSE', `${answer.url} is finished and names no entry`)
    }
    const next =
      answer.location !== undefined
        ? requireLocation(answer)
        : segmentUrl(new URL('operations/', this.base), operation.operationId ?? '')
    await patience.pause(answer.retryAfterSeconds, 'the operation is still running')
    return this.#poll(next, patience)
  }

  /** SCRAPI keeps the Receipt at the entry itself; DataTrails and -03 relatives one level below. */
  async #receiptOf(entryId: string, patience: Patience): Promise<Registration> {
    const url = segmentUrl(new URL('entries/', this.base), entryId)
    try {
      return await this.#poll(url, patience)
    } catch (error) {
      const elsewhere =
        error instanceof NotFoundError ||
        (error instanceof InputError && error.code === 'ERR_RESPONSE')
      if (!elsewhere) throw error
      const { receipt } = await this.#poll(`${url}/receipt`, patience)
      return { location: url, entryId, receipt }
    }
  }

  async #send(
    url: string,
    request: { readonly method: 'GET' | 'POST'; readonly body?: Uint8Array },
  ): Promise<Answer> {
    return exchange(url, {
      ...request,
      ...(request.body === undefined ? {} : { contentType: 'application/cose' }),
      fetch: this.#fetch,
      accept: ACCEPT,
      bodyBytesMax: this.#limits.receiptBytesMax,
      timeoutMs: this.#limits.requestTimeoutMs,
    })
  }

  #patience(): Patience {
    const { triesMax, waitSecondsMax } = this.#limits
    return new Patience({ wait: this.#wait, random: this.#random, triesMax, waitSecondsMax })
  }

  #keysExchange(): { fetch: Fetch; bodyBytesMax: number; timeoutMs: number } {
    const { keysBytesMax: bodyBytesMax, requestTimeoutMs: timeoutMs } = this.#limits
    return { fetch: this.#fetch, bodyBytesMax, timeoutMs }
  }
}

function registration(location: string, receipt: Uint8Array): Registration {
  return { location, entryId: lastSegment(location), receipt }
}

/** @throws InputError `ERR_RESPONSE` when the answer names no place to ask. */
function requireLocation(answer: Answer): string {
  if (answer.location === undefined) {
    const message = `${answer.url} answered ${answer.status} without a Location`
    throw new InputError('ERR_RESPONSE', message)
  }
  return resolveLocation(answer.location, answer.url)
}
