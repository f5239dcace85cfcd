/**
 * A payload pruning (design D1, schemas/payload-pruning.schema.json): the operator's word that the
 * content of hash envelopes, which admissions were decided with, was deleted, and why. From then on
 * those admissions are "not replayable", which an audit says instead of passing them.
 */
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readMembers, readText } from '../bytes/json-values.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'

export interface PayloadPruning {
  /** `sha256:` and lower-case hex of the content, whatever algorithm the envelopes use. */
  readonly digest: string
  readonly reason: string
}

const PRUNING: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'payload pruning' }
const DIGEST = /^sha256:[0-9a-f]{64}$/
const REASON_LENGTH_MAX = 1000

/** @throws InputError `ERR_PAYLOAD_MALFORMED`. */
export function parsePayloadPruning(payload: Uint8Array): PayloadPruning {
  const members = readMembers(
    parseStrictJson(payload, PRUNING),
    { required: ['version', 'digest', 'reason'] },
    PRUNING,
  )
  if (members['version'] !== 1) throw refused('is not of version 1')
  const digest = readText(members['digest'], PRUNING)
  const reason = readText(members['reason'], PRUNING)
  if (!DIGEST.test(digest)) throw refused('has a digest that is not sha256: and 64 hex digits')
  if (reason.length > REASON_LENGTH_MAX) {
    throw refused(`has a reason of more than ${REASON_LENGTH_MAX} characters`)
  }
  return { digest, reason }
}

/** Members in the documented order, no white space. */
export function encodePayloadPruning({ digest, reason }: PayloadPruning): Uint8Array {
  return encodeUtf8(JSON.stringify({ version: 1, digest, reason }))
}

function refused(message: string): InputError {
  return new InputError(PRUNING.code, `the ${PRUNING.what} ${message}`)
}
