/**
 * A client of SCITT services (SCRAPI) that speaks every generation in use: draft-11's 201, 202 and
 * 204; the 303 and 302 of -04 to -10; the operations of -00 to -03, DataTrails and CCF. What comes
 * back is the service's word: callers verify the Receipt before they say that anything happened.
 * What comes after a POST is pending-registration.ts, keys are service-keys.ts.
 */
import type { PublicKey } from '../cose/public-key.ts'
import { ambientFetch, uniformRandom, waitWithTimer } from './ambient.ts'
import { exchange } from './exchange.ts'
import type { Answer, Fetch } from './exchange.ts'
import { resolveLocation, serviceBase } from './location.ts'
import { Patience } from './patience.ts'
import { PendingRegistration } from './pending-registration.ts'
import type { Registration } from './pending-registration.ts'
import { sendPatiently } from './send-patiently.ts'
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
   * @throws NotFoundError `ERR_REGISTRATION_FAILED` when an accepted registration failed later, `ERR_ROUTE_UNKNOWN` where no service is.
   * @throws UnavailableError when it gave no answer in time.
   */
  async register(statement: Uint8Array): Promise<Registration> {
    const patience = this.#patience()
    const url = new URL('entries', this.base).href
    const request = { method: 'POST', body: statement } as const
    const answer = await sendPatiently(() => this.#send(url, request), patience)
    return this.#pending(patience).afterPost(answer)
  }

  /**
   * The Receipt at an entry's location (absolute, or relative to the service), waiting while the
   * registration runs.
   * @throws NotFoundError when the entry is unknown or its registration failed; see {@link register}.
   */
  async resolveReceipt(location: string): Promise<Registration> {
    return this.#pending(this.#patience()).poll(resolveLocation(location, this.base.href))
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

  #pending(patience: Patience): PendingRegistration {
    const get = (url: string): Promise<Answer> => this.#send(url, { method: 'GET' })
    return new PendingRegistration({ base: this.base, get, patience })
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
