/**
 * Holds JSON against a published schema (schemas/predicates/). The schemas are compiled when the
 * project is built (tools/compile-schemas.mjs), so nothing is evaluated here.
 */
import { PayloadError } from '../errors.ts'
import { pointerToken } from './json-members.ts'
import { validators } from './schemas.generated.js'
import type { SchemaFault, SchemaName } from './schemas.generated.js'

const POINTER_LENGTH_MAX = 500

/**
 * @param at JSON Pointer of `value` within the payload.
 * @throws PayloadError `ERR_PAYLOAD_MALFORMED` with the pointer of the first fault; for a member that
 * is missing, the place where it should be.
 */
export function checkSchema(name: SchemaName, value: unknown, at: '' | '/predicate'): void {
  const validate = validators[name]
  if (validate(value)) return
  // An `if` only says that what follows it failed; of several alternatives, the last fault sums up.
  const fault = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if').at(-1)
  const pointer = `${at}${fault === undefined ? '' : pointerOf(fault)}`.slice(0, POINTER_LENGTH_MAX)
  throw new PayloadError('ERR_PAYLOAD_MALFORMED', pointer, sentence(fault))
}

function pointerOf({ keyword, instancePath, params }: SchemaFault): string {
  const missing = params['missingProperty']
  if (keyword !== 'required' || typeof missing !== 'string') return instancePath
  return `${instancePath}/${pointerToken(missing)}`
}

function sentence(fault: SchemaFault | undefined): string {
  if (fault === undefined) return 'is not of the published form'
  const { keyword, params, message = 'is not of the published form' } = fault
  if (keyword === 'required') return 'is missing'
  const allowed = params['allowedValues']
  return Array.isArray(allowed) ? `is none of ${allowed.join(', ')}` : message
}
