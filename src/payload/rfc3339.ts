/**
 * Times as in-toto predicates write them (RFC 3339 §5.6). Read strictly and without a clock: engines
 * differ in what else `Date.parse` takes, and every auditor has to read the same second.
 */
import { PayloadError } from '../errors.ts'

const SHAPE =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/**
 * Milliseconds since 1970; digits beyond the third of a fraction are cut.
 * @param pointer JSON Pointer to the text, for the error.
 * @throws PayloadError `ERR_PAYLOAD_MALFORMED` for anything else than an RFC 3339 time of a day that exists.
 */
export function parseRfc3339(text: string, what: string, pointer = ''): number {
  const found = text.length <= 40 ? SHAPE.exec(text) : null
  if (found !== null) {
    const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as Six
    const local = Date.UTC(year, month - 1, day, hour, minute, second)
    const date = new Date(local)
    const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
    const [offsetHours, offsetMinutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)]
    if (
      year >= 1970 &&
      exists &&
      hour <= 23 &&
      minute <= 59 &&
      second <= 59 &&
      offsetHours <= 23 &&
      offsetMinutes <= 59
    ) {
      const offset = (offsetHours * 60 + offsetMinutes) * 60_000
      const fraction = Number((found[7] ?? '').slice(0, 3).padEnd(3, '0'))
      return local + fraction - (found[8] === '-' ? -offset : offset)
    }
  }
  throw new PayloadError('ERR_PAYLOAD_MALFORMED', pointer, `${what} is not an RFC 3339 time`)
}

type Six = [number, number, number, number, number, number]
