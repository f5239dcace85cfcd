/**
 * Reads fields of fixed and announced lengths, one after the other. Every field is checked against
 * what is left before it is taken, so a length in hostile bytes is never an allocation.
 */
import { EvidenceError } from './evidence.ts'

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #offset = 0

  /** `what` names the structure in errors. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  /**
   * The next `length` bytes, as a view.
   * @throws EvidenceError `truncated`
   */
  take(length: number): Uint8Array {
    if (length > this.remaining) {
      throw new EvidenceError(
        'truncated',
        `the ${this.#what} ends early: ${length} bytes expected at ${this.#offset}, ${this.remaining} left`,
      )
    }
    const start = this.#offset
    this.#offset = start + length
    return this.#bytes.subarray(start, this.#offset)
  }

  /** @throws EvidenceError `truncated` */
  u16le(): number {
    return this.take(2).reduceRight((value, byte) => value * 256 + byte, 0)
  }

  /** @throws EvidenceError `truncated` */
  u32le(): number {
    return this.take(4).reduceRight((value, byte) => value * 256 + byte, 0)
  }

  /** @throws EvidenceError `truncated` */
  u8(): number {
    return this.take(1)[0]!
  }

  /** @throws EvidenceError `truncated` */
  u16be(): number {
    return this.take(2).reduce((value, byte) => value * 256 + byte, 0)
  }

  /** @throws EvidenceError `truncated` */
  u32be(): number {
    return this.take(4).reduce((value, byte) => value * 256 + byte, 0)
  }

  /** @throws EvidenceError `malformed` unless everything has been read. */
  end(): void {
    if (this.remaining > 0) {
      throw new EvidenceError(
        'malformed',
        `${this.remaining} bytes are left over in the ${this.#what}`,
      )
    }
  }
}
