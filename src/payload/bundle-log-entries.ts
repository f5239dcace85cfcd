/** Log entries and timestamps of a Sigstore bundle (sigstore-bundle.ts). Nothing is verified here. */
import { parseDecimal } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import { readBytes, readObject } from './envelope-text.ts'
import { listAt, memberAt, objectAt, textAt } from './json-members.ts'
import type { JsonObject } from './json-members.ts'
import { malformed } from './malformed.ts'

const LOG_ENTRIES_MAX = 8
const TIMESTAMPS_MAX = 8

export type BundleVersion = '0.1' | '0.2' | '0.3'

/** An entry of a transparency log. */
export interface BundleLogEntry {
  /** Position over all shards of the log. */
  readonly logIndex: number
  /** Seconds since 1970; absent in logs that give no time. Vouched for by the promise alone. */
  readonly integratedTime?: number
  readonly hasPromise: boolean
  /** Signed note of the inclusion proof. */
  readonly checkpoint?: string
}
export const MATERIAL = '/verificationMaterial'

export function readLogEntries(
  material: JsonObject,
  version: BundleVersion,
): readonly BundleLogEntry[] {
  const list = listAt(material, 'tlogEntries')
  const pointer = `${MATERIAL}/tlogEntries`
  if (list.length > LOG_ENTRIES_MAX) malformed(pointer, `more than ${LOG_ENTRIES_MAX} log entries`)
  return list.map((item, at) => {
    const where = `${pointer}/${at}`
    const entry = readObject(item, where)
    const time = readCount(entry, 'integratedTime', where)
    const hasPromise = objectAt(entry, 'inclusionPromise') !== undefined
    const checkpoint = textAt(entry, 'inclusionProof', 'checkpoint', 'envelope')
    if (version === '0.1' && !hasPromise) malformed(where, 'expected an inclusion promise')
    if (version !== '0.1' && checkpoint === undefined) {
      malformed(where, 'expected an inclusion proof with its checkpoint')
    }
    return {
      logIndex: readCount(entry, 'logIndex', where) ?? 0,
      ...(time === undefined || time === 0 ? {} : { integratedTime: time }),
      hasPromise,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    }
  })
}

/** An int64: protocol buffers write it as a text, some writers as a number; zero is left out. */
function readCount(parent: JsonObject, name: string, pointer: string): number | undefined {
  const value = memberAt(parent, name)
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  try {
    if (typeof value === 'string') return parseDecimal(value)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
  }
  return malformed(`${pointer}/${name}`, 'expected a whole number')
}

export function readTimestamps(material: JsonObject): number {
  const list = listAt(material, 'timestampVerificationData', 'rfc3161Timestamps')
  const pointer = `${MATERIAL}/timestampVerificationData/rfc3161Timestamps`
  if (list.length > TIMESTAMPS_MAX) malformed(pointer, `more than ${TIMESTAMPS_MAX} timestamps`)
  list.forEach((item, at) => {
    readBytes(readObject(item, `${pointer}/${at}`), 'signedTimestamp', `${pointer}/${at}`)
  })
  return list.length
}
