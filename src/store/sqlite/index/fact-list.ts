/**
 * The facts of a statement as the bytes of its row, one after the other: field, role and form as one
 * number, and the value: hex as bytes, text as UTF-8, or the number of a value that many statements
 * have in common. Numbers are LEB128.
 */
import { assertInvariant } from '../../../errors.ts'
import { ROLE_COUNT } from './facts.ts'
import type { Fact } from './facts.ts'

const UTF8 = 0
const HEX = 1
/** In `shared_value`. */
const SHARED = 2
const FORM_COUNT = 3

const IS_HEX = /^(?:[0-9a-f]{2})+$/

/** Packs the facts of one statement after the other. */
export class FactListBuilder {
  #bytes = Buffer.allocUnsafeSlow(4096)
  #length = 0

  addShared(fieldId: number, role: number, valueId: number): void {
    this.#reserve(0)
    this.#header(fieldId, role, SHARED)
    this.#number(valueId)
  }

  addText(fieldId: number, role: number, text: string): void {
    this.#reserve(3 * text.length)
    if (IS_HEX.test(text)) {
      this.#header(fieldId, role, HEX)
      this.#number(text.length / 2)
      this.#length += this.#bytes.write(text, this.#length, 'hex')
    } else {
      this.#header(fieldId, role, UTF8)
      this.#number(Buffer.byteLength(text))
      this.#length += this.#bytes.write(text, this.#length, 'utf8')
    }
  }

  /** The facts that were added since the last time. */
  end(): Uint8Array {
    const facts = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    return facts
  }

  #header(fieldId: number, role: number, form: number): void {
    this.#number((fieldId * ROLE_COUNT + role) * FORM_COUNT + form)
  }

  #number(value: number): void {
    let rest = value
    while (rest >= 128) {
      const next = Math.floor(rest / 128)
      this.#bytes[this.#length++] = rest - 128 * next + 128
      rest = next
    }
    this.#bytes[this.#length++] = rest
  }

  /** Makes room for a value of so many bytes, and for two numbers of eight. */
  #reserve(bytes: number): void {
    const needed = this.#length + bytes + 16
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * needed)
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

/** What numbers in a list stand for. */
export interface FactNames {
  field(fieldId: number): string
  sharedValue(valueId: number): string
}

/** @throws InvariantError when the list is cut, or names what is not there. */
export function unpackFacts(packed: Uint8Array, names: FactNames): Fact[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  let at = 0
  const number = (): number => {
    let [value, weight] = [0, 1]
    for (;;) {
      const byte = bytes[at++]
      assertInvariant(byte !== undefined, 'the facts of a statement are cut')
      value += (byte % 128) * weight
      weight *= 128
      if (byte < 128) return value
    }
  }
  const text = (form: number): string => {
    const length = number()
    if (form === SHARED) return names.sharedValue(length)
    at += length
    assertInvariant(at <= bytes.length, 'the facts of a statement are cut')
    return bytes.toString(form === HEX ? 'hex' : 'utf8', at - length, at)
  }
  const facts: Fact[] = []
  while (at < bytes.length) {
    const header = number()
    const form = header % FORM_COUNT
    const role = Math.floor(header / FORM_COUNT) % ROLE_COUNT
    const field = names.field(Math.floor(header / (FORM_COUNT * ROLE_COUNT)))
    facts.push({ field, role, text: text(form) })
  }
  return facts
}
