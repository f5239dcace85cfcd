/** The file in which a monitor keeps its place in a log. */
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readMembers } from '../bytes/json-values.ts'
import { AttestryError, InputError } from '../errors.ts'
import { parseHeadJson, parsePinJson, pinJson, readNumber, treeHeadJson } from './state-members.ts'
import type { WatchState } from './watch-log.ts'

const STATE: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'monitor state' }

/** The bytes of a state file. */
export function encodeWatchState({ pin, head, next }: WatchState): Uint8Array {
  const file = { version: 1, log: pinJson(pin), head: treeHeadJson(head), next }
  return encodeUtf8(`${JSON.stringify(file, null, 2)}\n`)
}

/** @throws InputError `ERR_TRUST_CONFIGURATION` unless it is of the form that is written. */
export function parseWatchState(bytes: Uint8Array): WatchState {
  const required = ['version', 'log', 'head', 'next']
  const members = readMembers(parseStrictJson(bytes, STATE), { required }, STATE)
  if (members['version'] !== 1)
    throw new InputError(STATE.code, 'monitor state is not of version 1')
  try {
    return {
      pin: parsePinJson(members['log']),
      head: parseHeadJson(members['head']),
      next: readNumber(members['next']),
    }
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    const { message } = cause as AttestryError
    throw new InputError(STATE.code, `monitor state: ${message}`, { cause })
  }
}
