/**
 * What happens between the answer to a POST and the Receipt, in every generation of SCRAPI: a Receipt at once, a
 * place to ask until it is there, or an operation that names the entry in the end.
 */
import { InputError, NotFoundError } from '../errors.ts'
import { readAnswerBody } from './answer-body.ts'
import type { Operation } from './answer-body.ts'
import type { Answer } from './exchange.ts'
import { lastSegment, resolveLocation, segmentUrl } from './location.ts'
import type { Patience } from './patience.ts'
import { isTemporary, redirectError, serviceError } from './service-error.ts'

/** A Receipt as a service gave it: not verified. */
export interface Registration {
  /** URL of the entry; a fresh Receipt can be had there. */
  readonly location: string
  /** The service's id of the entry, opaque. */
  readonly entryId: string
  readonly receipt: Uint8Array
}

interface PendingParts {
  readonly base: URL
  readonly get: (url: string) => Promise<Answer>
  readonly patience: Patience
}

/** Most resources that a registration may be passed on to; who redirects gives the same one or the final one. */
const PLACES_MAX = 5

/** One registration that a service was asked for, with the patience that is left for it. */
export class PendingRegistration {
  readonly #parts: PendingParts

  constructor(parts: PendingParts) {
    this.#parts = parts
  }

  /** @param answer to the POST. */
  async afterPost(answer: Answer): Promise<Registration> {
    const { patience } = this.#parts
    const { status, location, retryAfterSeconds } = answer
    if (status === 302 || status === 303) {
      const next = requireLocation(answer)
      // No entry lies where statements are posted: something in between redirects everything.
      if (next === answer.url) throw redirectError(answer)
      await patience.pause(retryAfterSeconds ?? 0, 'the registration is still running')
      return this.poll(next)
    }
    if (status < 200 || status > 299) throw serviceError(answer)
    const body = readAnswerBody(answer)
    if (body.kind === 'receipt' && status !== 202) {
      const url = location === undefined ? answer.url : resolveLocation(location, answer.url)
      return registration(url, body.receipt)
    }
    if (body.kind === 'operation') return this.#followOperation(answer, body)
    const next = requireLocation(answer)
    await patience.pause(retryAfterSeconds, 'the registration is still running')
    return this.poll(next)
  }

  /** Asks `url` until it holds a Receipt; other resources may have to be asked on the way. */
  async poll(start: string): Promise<Registration> {
    const { get, patience } = this.#parts
    let url = start
    const places = new Set([start])
    for (;;) {
      const answer = await get(url)
      const { status } = answer
      if (status === 302 || status === 303) {
        // "Not yet", and perhaps elsewhere: -04 to -10 give the same or the final resource.
        if (answer.location !== undefined) url = nextPlace(answer, places)
      } else if (status === 200 || status === 201) {
        const body = readAnswerBody(answer)
        if (body.kind === 'receipt') {
          return registration(
            answer.location === undefined ? url : requireLocation(answer),
            body.receipt,
          )
        }
        if (body.kind === 'operation' && body.status !== 'running') {
          return this.#followOperation(answer, body)
        }
      } else if (status !== 202 && status !== 204 && !isTemporary(status)) {
        throw serviceError(answer)
      }
      await patience.pause(answer.retryAfterSeconds, 'the registration is still running')
    }
  }

  async #followOperation(answer: Answer, operation: Operation): Promise<Registration> {
    const { base, patience } = this.#parts
    if (operation.status === 'failed') {
      const reason = operation.error ?? 'the service gave no reason'
      throw new NotFoundError('ERR_REGISTRATION_FAILED', `the registration failed: ${reason}`)
    }
    if (operation.entryId !== undefined) return this.#receiptOf(operation.entryId)
    if (operation.status === 'succeeded' && answer.location === undefined) {
      throw new InputError('ERR_RESPONSE', `${answer.url} is finished and names no entry`)
    }
    const next =
      answer.location !== undefined
        ? requireLocation(answer)
        : segmentUrl(new URL('operations/', base), operation.operationId ?? '')
    await patience.pause(answer.retryAfterSeconds, 'the operation is still running')
    return this.poll(next)
  }

  /** SCRAPI keeps the Receipt at the entry itself; DataTrails and -03 relatives one level below. */
  async #receiptOf(entryId: string): Promise<Registration> {
    const url = segmentUrl(new URL('entries/', this.#parts.base), entryId)
    try {
      return await this.poll(url)
    } catch (error) {
      const elsewhere =
        error instanceof NotFoundError ||
        (error instanceof InputError && error.code === 'ERR_RESPONSE')
      if (!elsewhere) throw error
      const { receipt } = await this.poll(`${url}/receipt`)
      return { location: url, entryId, receipt }
    }
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

/** @throws InputError `ERR_RESPONSE` when it leads in circles, or on and on. */
function nextPlace(answer: Answer, places: Set<string>): string {
  const next = requireLocation(answer)
  if (next === answer.url) return next
  if (places.has(next) || places.size === PLACES_MAX) throw redirectError(answer)
  places.add(next)
  return next
}
