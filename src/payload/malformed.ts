/** How readers of payloads say no: one error, with the place in the payload. */
import { PayloadError } from '../errors.ts'

/** @throws PayloadError `ERR_PAYLOAD_MALFORMED` always. */
export function malformed(pointer: string, message: string, cause?: unknown): never {
  const options = cause === undefined ? undefined : { cause }
  throw new PayloadError('ERR_PAYLOAD_MALFORMED', pointer, message, options)
}
