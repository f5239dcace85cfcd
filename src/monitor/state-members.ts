/** What the state files of auditors have in common, as JSON: who a log is, tree heads and numbers. */
import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { treeSize } from '../bytes/integers.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import { InputError } from '../errors.ts'
import { parseHash } from '../merkle/hasher.ts'
import type { RootHash } from '../merkle/hasher.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { encodeVerifierKey, parseVerifierKey } from '../note/verifier-key.ts'
import type { LogPin } from './audit-state.ts'

/** How a file that does not parse is blamed. */
export const STATE: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'audit state' }

/** A pin as JSON. */
export function pinJson(pin: LogPin): Record<string, unknown> {
  return {
    origin: pin.origin,
    issuer: pin.issuer,
    checkpointKeys: pin.checkpointKeys.map(encodeVerifierKey),
    receiptKeys: pin.receiptKeys.map((key) => encodeBase64(encodeCoseKey(key))),
  }
}

/** The bytes of a file that holds a pin alone. */
export function encodePin(pin: LogPin): Uint8Array {
  return encodeUtf8(`${JSON.stringify({ version: 1, log: pinJson(pin) }, null, 2)}\n`)
}

/** @throws InputError for anything that {@link encodePin} does not write. */
export function parsePin(bytes: Uint8Array): LogPin {
  const required = ['version', 'log']
  return parsePinJson(readMembers(parseStrictJson(bytes, STATE), { required }, STATE)['log'])
}

/** A tree head as JSON. */
export function treeHeadJson({ treeSize, rootHash }: TreeHead): Record<string, unknown> {
  return { treeSize, rootHash: encodeBase64(rootHash) }
}

/** @throws InputError for anything that {@link pinJson} does not write. */
export function parsePinJson(value: unknown): LogPin {
  const members = readMembers(
    value,
    { required: ['origin', 'issuer', 'checkpointKeys', 'receiptKeys'] },
    STATE,
  )
  const texts = (name: string): string[] =>
    readList(members[name], STATE).map((text) => readText(text, STATE))
  return {
    origin: readText(members['origin'], STATE),
    issuer: readText(members['issuer'], STATE),
    checkpointKeys: texts('checkpointKeys').map(parseVerifierKey),
    receiptKeys: texts('receiptKeys').map((text) => parseCoseKey(decodeBase64(text))),
  }
}

/** @throws InputError for anything that {@link treeHeadJson} does not write. */
export function parseHeadJson(value: unknown): TreeHead {
  const members = readMembers(value, { required: ['treeSize', 'rootHash'] }, STATE)
  const rootHash = parseHash(decodeBase64(readText(members['rootHash'], STATE)))
  return {
    treeSize: treeSize(readNumber(members['treeSize'])),
    rootHash: rootHash as unknown as RootHash,
  }
}

/** @throws InputError unless it is an integer from 0 to 2^53-1. */
export function readNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new InputError(STATE.code, 'expected an integer from 0 to 2^53-1')
  }
  return value
}
