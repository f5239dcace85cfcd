/**
 * The rule `payload` of admission: a statement that says of itself that it is of a known kind has to
 * be of its form. What nobody here reads passes, and so does what is not at hand: it is described as
 * opaque, or as unread, and counts for nothing.
 */
import { readPayload } from './read-payload.ts'
import type { ReadRequest } from './read-payload.ts'

/** Name of this validator in a Registration Policy; another set of rules gets another name. */
export const PAYLOAD_VALIDATOR = 'attestry@1'

/**
 * @throws PayloadError `ERR_PAYLOAD_MALFORMED` with the JSON Pointer of what is wrong.
 */
export function validatePayload(request: ReadRequest): void {
  readPayload(request)
}
