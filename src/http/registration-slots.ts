/**
 * How many registrations may be in flight, counted before a body is read: memory is bounded by
 * this times the body limit, whatever clients do (standards.md TS-74).
 */
import { UnavailableError } from '../errors.ts'

export class RegistrationSlots {
  readonly #max: number
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  /**
   * @param count slots for one request: more than one when its body may be larger.
   * @throws UnavailableError `ERR_QUEUE_FULL`.
   */
  take(count = 1): void {
    if (this.#taken + count > this.#max) {
      throw new UnavailableError('ERR_QUEUE_FULL', `${this.#max} registrations are in flight`)
    }
    this.#taken += count
  }

  release(count = 1): void {
    this.#taken -= count
  }
}
