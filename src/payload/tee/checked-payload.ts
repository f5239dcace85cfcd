/**
 * The check of a handler (handler.ts) over a parser of evidence: whatever the parser refuses is a
 * payload that is not what its media type names.
 */
import { AttestryError, PayloadError } from '../../errors.ts'

/**
 * Runs a parser.
 * @throws PayloadError `ERR_PAYLOAD_MALFORMED` in place of an error of ours; others pass.
 */
export function checkedPayload<Value>(parse: () => Value): Value {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    throw new PayloadError('ERR_PAYLOAD_MALFORMED', '', cause.message, { cause })
  }
}
