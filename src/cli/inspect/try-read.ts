/** Reading what may be of another form: only to see what it is. */
import { AttestryError } from '../../errors.ts'

/** What was read; `undefined` where the bytes are of another form. */
export function tryRead<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof AttestryError) return undefined
    throw error
  }
}
