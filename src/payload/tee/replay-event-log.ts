/**
 * Replays a firmware event log (event-log.ts). A register's value says something only through the log
 * that leads to it, and a log counts only when it leads to the value that the hardware attested.
 */
import { concatBytes, equalBytes } from '../../bytes/bytes.ts'
import { digest } from '../../bytes/digest.ts'
import { EV_NO_ACTION, STARTUP_LOCALITY, malformed, equalText } from './event-log.ts'
import type { EventLog } from './event-log.ts'
import { EvidenceError } from './evidence.ts'
import { tpmHashBytes } from './tpm-attest.ts'
import type { TpmHash } from './tpm-attest.ts'

/** Hashes that registers can be replayed in; SHA-1 banks are read past. */
export type ReplayHash = Exclude<TpmHash, 'SHA-1'>

/**
 * What the registers hold after the log, for those that it extends.
 * @throws EvidenceError `event-log-malformed` when an event lacks a digest of this bank.
 */
export function replayEventLog(log: EventLog, hash: ReplayHash): ReadonlyMap<number, Uint8Array> {
  const registers = new Map<number, Uint8Array>()
  const start = new Map<number, Uint8Array>([[0, localityStart(log, hash)]])
  const zeros = new Uint8Array(tpmHashBytes(hash))
  for (const { register, type, digests } of log.events) {
    if (type === EV_NO_ACTION) continue
    const extension = digests[hash]
    if (extension === undefined) throw malformed(`an event without a digest in ${hash}`)
    const before = registers.get(register) ?? start.get(register) ?? zeros
    registers.set(register, digest(hash, concatBytes(before, extension)))
  }
  return registers
}

/** PCR 0 starts with the locality of the start-up, which an event that extends nothing states. */
function localityStart({ events }: EventLog, hash: ReplayHash): Uint8Array {
  const value = new Uint8Array(tpmHashBytes(hash))
  const stated = events.find(
    ({ register, type, data }) =>
      register === 0 &&
      type === EV_NO_ACTION &&
      data.length === STARTUP_LOCALITY.length + 1 &&
      equalText(data.subarray(0, -1), STARTUP_LOCALITY),
  )
  if (stated !== undefined) value[value.length - 1] = stated.data.at(-1)!
  return value
}

/** Which attested registers a log explains. */
export interface EventLogMatch {
  /** Registers that the log leads to. */
  readonly replayed: readonly number[]
  /** Registers that were attested with a value and that the log never extends. */
  readonly unexplained: readonly number[]
}

/**
 * Holds a log against attested registers.
 * @param attested verified values by the log's register number.
 * @throws EvidenceError `event-log-replay` where the log leads to another value, `event-log-malformed`.
 */
export function matchEventLog(
  log: EventLog,
  hash: ReplayHash,
  attested: ReadonlyMap<number, Uint8Array>,
): EventLogMatch {
  const registers = replayEventLog(log, hash)
  const replayed: number[] = []
  const unexplained: number[] = []
  for (const [register, value] of attested) {
    const expected = registers.get(register)
    if (expected === undefined) {
      if (!value.every((byte) => byte === 0 || byte === 0xff)) unexplained.push(register)
    } else if (equalBytes(expected, value)) replayed.push(register)
    else
      throw new EvidenceError('event-log-replay', `the log does not lead to register ${register}`)
  }
  if (replayed.length === 0) {
    throw new EvidenceError('event-log-replay', 'the log says nothing about the attested registers')
  }
  return { replayed, unexplained }
}

const RTMRS = 4

/**
 * Holds a CCEL against the RTMRs of a verified TD quote; RTMR `n` is the log's register `n + 1`.
 * @throws EvidenceError as {@link matchEventLog}.
 */
export function matchCcel(log: EventLog, rtmrs: readonly Uint8Array[]): EventLogMatch {
  if (rtmrs.length !== RTMRS) throw malformed('a trust domain has four RTMRs')
  const attested = new Map(rtmrs.map((value, index) => [index + 1, value]))
  const { replayed, unexplained } = matchEventLog(log, 'SHA-384', attested)
  const toRtmr = (register: number): number => register - 1
  return { replayed: replayed.map(toRtmr), unexplained: unexplained.map(toRtmr) }
}
