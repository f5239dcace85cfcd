/**
 * Values of columns from the text in which PostgreSQL sends them (the driver reads no other form):
 * numbers that a double holds, bytes, texts. Nothing else is in the tables, and anything else is a
 * fault of ours.
 */
import type pg from 'pg'
import { assertInvariant, InvariantError } from '../../errors.ts'

type Parse = (value: string) => unknown

/** By the number of the type: boolean, bytea, bigint, integer, text, and what a void function gives. */
const PARSERS: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [16, (value) => value === 't'],
  [17, parseBytes],
  [20, parseNumber],
  [23, parseNumber],
  [25, (value) => value],
  [2278, () => undefined],
])

function parseBytes(value: string): Uint8Array {
  assertInvariant(value.startsWith('\\x'), 'the server does not send bytes in hex (bytea_output)')
  // A copy: what Buffer gives may be a piece of a shared pool.
  const bytes = new Uint8Array((value.length - 2) / 2)
  const { length } = bytes
  const written = Buffer.from(bytes.buffer).write(value.slice(2), 'hex')
  assertInvariant(written === length, 'the server sent bytes that are not whole')
  return bytes
}

function parseNumber(value: string): number {
  const number = Number(value)
  assertInvariant(Number.isSafeInteger(number), 'a stored number is beyond 2^53')
  return number
}

export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number) => {
    const parse = PARSERS.get(oid)
    if (parse === undefined) throw new InvariantError(`a column of the unknown type ${oid}`)
    return parse
  },
}
