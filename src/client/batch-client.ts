/**
 * Registers many statements: in batches where the service is an Attestry registry (`POST /batches`),
 * one by one elsewhere. Each has its own result, in order; one that is refused changes nothing for the
 * others. What comes back is the service's word, as with `scrapi-client.ts`.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { decodeCbor } from '../cbor/decode.ts'
import type { CborValue } from '../cbor/decode.ts'
import { readHead } from '../cbor/head.ts'
import { splitCborSequence } from '../cbor/sequence.ts'
import { AttestryError, InputError } from '../errors.ts'
import { ambientFetch, uniformRandom, waitWithTimer } from './ambient.ts'
import { exchange } from './exchange.ts'
import type { Answer } from './exchange.ts'
import { lastSegment, serviceBase } from './location.ts'
import { Patience } from './patience.ts'
import type { Registration } from './pending-registration.ts'
import { CLIENT_LIMITS, ScrapiClient } from './scrapi-client.ts'
import type { ScrapiClientOptions } from './scrapi-client.ts'
import { sendPatiently } from './send-patiently.ts'
import { mayPass, serviceError } from './service-error.ts'

/** What became of one statement. */
export type BatchResult =
  | { readonly kind: 'registered'; readonly registration: Registration }
  | { readonly kind: 'failed'; readonly error: AttestryError }

/** Well below what a registry takes in one request. */
const STATEMENTS_MAX = 128
const BYTES_MAX = 2 * 1024 * 1024
const SEQUENCE = 'application/cbor-seq'
const ACCEPT = `${SEQUENCE}, application/concise-problem-details+cbor`
/** How a service says that it has no such resource. */
const NO_BATCHES: readonly number[] = [404, 405, 501]

export class BatchClient {
  readonly #single: ScrapiClient
  readonly #options: ScrapiClientOptions
  readonly #url: string
  #hasBatches = true

  /** @throws InputError `ERR_USAGE` when the URL is not a plain http or https URL. */
  constructor(options: ScrapiClientOptions) {
    this.#single = new ScrapiClient(options)
    this.#options = options
    this.#url = new URL('batches', serviceBase(options.url)).href
  }

  /**
   * Registers statements, and waits for their Receipts. A result comes with the batch that it is in.
   * @throws AttestryError when the service refuses a whole batch (a token that is missing, for example),
   *   or gives no answer in time.
   */
  async *register(statements: readonly Uint8Array[]): AsyncGenerator<BatchResult> {
    for (let at = 0; at < statements.length;) {
      const batch = takeBatch(statements, at)
      at += batch.length
      yield* this.#hasBatches ? await this.#registerBatch(batch) : await this.#oneByOne(batch)
    }
  }

  async #registerBatch(batch: readonly Uint8Array[]): Promise<readonly BatchResult[]> {
    const results: (BatchResult | undefined)[] = batch.map(() => undefined)
    const patience = this.#patience()
    for (;;) {
      const open = results.flatMap((result, at) => (result === undefined ? [at] : []))
      const answer = await sendPatiently(() => this.#send(open.map((at) => batch[at]!)), patience)
      if (NO_BATCHES.includes(answer.status)) {
        this.#hasBatches = false
        return this.#oneByOne(batch)
      }
      if (answer.status !== 200) throw serviceError(answer)
      const items = readResults(answer, open.length)
      for (const [nth, at] of open.entries()) results[at] = await this.#resultOf(items[nth]!)
      const waiting = items.filter(mayPass)
      if (waiting.length === 0) return results as BatchResult[]
      const seconds = Math.max(...waiting.map(({ retryAfterSeconds = 1 }) => retryAfterSeconds))
      await patience.pause(seconds, 'the service is busy')
    }
  }

  /** Undefined for a statement that may be tried again. */
  async #resultOf(item: Answer): Promise<BatchResult | undefined> {
    const { status, location, body } = item
    if (mayPass(item)) return undefined
    if (location === undefined) return { kind: 'failed', error: serviceError(item) }
    const url = new URL(location, this.#single.base).href
    if (status === 202) return orFailed(this.#single.resolveReceipt(url))
    const entryId = lastSegment(url)
    return { kind: 'registered', registration: { location: url, entryId, receipt: body } }
  }

  async #oneByOne(batch: readonly Uint8Array[]): Promise<readonly BatchResult[]> {
    const results: BatchResult[] = []
    for (const statement of batch) results.push(await orFailed(this.#single.register(statement)))
    return results
  }

  #send(statements: readonly Uint8Array[]): Promise<Answer> {
    return exchange(this.#url, {
      ...{ method: 'POST', body: concatBytes(...statements), contentType: SEQUENCE },
      fetch: this.#options.fetch ?? ambientFetch,
      accept: ACCEPT,
      bodyBytesMax: STATEMENTS_MAX * CLIENT_LIMITS.receiptBytesMax,
      timeoutMs: CLIENT_LIMITS.requestTimeoutMs,
    })
  }

  #patience(): Patience {
    const { wait = waitWithTimer, random = uniformRandom, limits } = this.#options
    const { triesMax, waitSecondsMax } = { ...CLIENT_LIMITS, ...limits }
    return new Patience({ wait, random, triesMax, waitSecondsMax })
  }
}

/** At least one statement from `start` on. */
function takeBatch(statements: readonly Uint8Array[], start: number): readonly Uint8Array[] {
  let end = start
  let bytes = 0
  while (end < statements.length && end - start < STATEMENTS_MAX) {
    bytes += statements[end]!.length
    if (bytes > BYTES_MAX && end > start) break
    end += 1
  }
  return statements.slice(start, end)
}

async function orFailed(registering: Promise<Registration>): Promise<BatchResult> {
  try {
    return { kind: 'registered', registration: await registering }
  } catch (error) {
    if (!(error instanceof AttestryError)) throw error
    return { kind: 'failed', error: error as AttestryError }
  }
}

/**
 * The results of a batch, each as the answer that a single registration would have had.
 * @throws InputError `ERR_RESPONSE`.
 */
function readResults({ url, body }: Answer, count: number): readonly Answer[] {
  const limits = { itemsMax: count, itemBytesMax: CLIENT_LIMITS.receiptBytesMax }
  const items = inAnswer(url, () => splitCborSequence(body, limits))
  if (items.length === count) return items.map((item) => inAnswer(url, () => readResult(url, item)))
  throw new InputError('ERR_RESPONSE', `${url} answered ${items.length} results for ${count}`)
}

/** What is no CBOR there is the service's fault, and not that of a file that was sent. */
function inAnswer<Value>(url: string, read: () => Value): Value {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof InputError) || cause.code === 'ERR_RESPONSE') throw cause
    const why = `${url} answered with no results of a batch (${cause.message})`
    throw new InputError('ERR_RESPONSE', why, { cause })
  }
}

function readResult(url: string, item: Uint8Array): Answer {
  const value = decodeCbor(item)
  const map = value instanceof Map ? (value as ReadonlyMap<CborValue, CborValue>) : undefined
  const [status, entry, receipt] = [map?.get('status'), map?.get('entry'), map?.get('receipt')]
  const retryAfter = map?.get('retry-after')
  const isRegistered = typeof entry === 'string' && /^[0-9a-f]{64}$/.test(entry)
  if (
    status === 201 ? !isRegistered || !(receipt instanceof Uint8Array) : typeof status !== 'number'
  ) {
    throw new InputError('ERR_RESPONSE', `${url} answered a result of no known form`)
  }
  return {
    url,
    status: status as number,
    mediaType: 'application/concise-problem-details+cbor',
    location: isRegistered ? `entries/${entry}` : undefined,
    retryAfterSeconds: Number.isSafeInteger(retryAfter) ? Math.max(0, retryAfter as number) : undefined, // prettier-ignore
    body: receipt instanceof Uint8Array ? receipt : memberOf(item, 'problem'),
  }
}

/** The bytes of a map's member as they came: what a service wrote need not be what we can write. */
function memberOf(map: Uint8Array, name: string): Uint8Array {
  const content = map.subarray(readHead(map, 0).next)
  const limits = { itemsMax: content.length, itemBytesMax: content.length }
  const items = splitCborSequence(content, limits)
  const at = items.findIndex((key, place) => place % 2 === 0 && decodeCbor(key) === name)
  return at < 0 ? new Uint8Array() : items[at + 1]!
}
