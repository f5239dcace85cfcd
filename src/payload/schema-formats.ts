/**
 * The formats that predicate schemas use (`"format"`), as tools/compile-schemas.mjs compiles them
 * in. Ours, so that what a schema lets through is exactly what the handlers read.
 */
import { InputError } from '../errors.ts'
import { parseRfc3339 } from './rfc3339.ts'
import { isUri } from './source-names.ts'

function isDateTime(text: string): boolean {
  try {
    parseRfc3339(text, 'time')
    return true
  } catch (error) {
    if (error instanceof InputError) return false
    throw error
  }
}

export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': isDateTime,
  uri: isUri,
}
