/**
 * Firmware event logs and their replay: the crypto-agile TCG2 log (TCG PC Client Platform Firmware
 * Profile, §10), and Intel's CCEL, which has the same form and names RTMRs in place of PCRs (UEFI 2.10,
 * §38.4.1). A register's value says something only through the log that leads to it, and a log counts
 * only when it leads to the value that the hardware attested. Little-endian.
 */
import { concatBytes, decodeUtf8, equalBytes } from '../../bytes/bytes.ts'
import { digest } from '../../bytes/digest.ts'
import { ByteReader } from './byte-reader.ts'
import { EvidenceError } from './evidence.ts'
import { tpmHash, tpmHashBytes, type TpmHash } from './tpm-attest.ts'

export const EVENT_LOG_BYTES_MAX: number = 1024 * 1024
const EVENTS_MAX = 16_384
const EVENT_BYTES_MAX = 256 * 1024
const BANKS_MAX = 8
const REGISTERS_MAX = 32
const EV_NO_ACTION = 3
const SPEC_ID = 'Spec ID Event03\0'
const STARTUP_LOCALITY = 'StartupLocality\0'
const SHA1_BYTES = 20

/** Hashes that registers can be replayed in; SHA-1 banks are read past. */
export type ReplayHash = Exclude<TpmHash, 'SHA-1'>

/** One event: what was extended into which register. */
export interface LoggedEvent {
  /** PCR index, or in a CCEL the measurement register: 1 is RTMR0. */
  readonly register: number
  readonly type: number
  readonly digests: Readonly<Partial<Record<TpmHash, Uint8Array>>>
  readonly data: Uint8Array
}

/** A parsed log. */
export interface EventLog {
  readonly banks: readonly TpmHash[]
  readonly events: readonly LoggedEvent[]
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('event-log-malformed', `event log: ${message}`, { cause })
}

/** The digests that each event has, from the first event (TCG_EfiSpecIdEvent). */
function readBanks(reader: ByteReader): Map<number, { hash?: TpmHash; bytes: number }> {
  reader.take(4) // register
  const type = reader.u32le()
  reader.take(SHA1_BYTES)
  const length = reader.u32le()
  if (type !== EV_NO_ACTION || length > EVENT_BYTES_MAX) throw malformed('not a crypto-agile log')
  const event = new ByteReader(reader.take(length), 'first event of the log')
  if (!equalText(event.take(16), SPEC_ID)) throw malformed('not a crypto-agile log')
  event.take(8) // platform class, version, errata, uintn size
  const count = event.u32le()
  if (count === 0 || count > BANKS_MAX) throw malformed(`${count} banks`)
  const banks = new Map<number, { hash?: TpmHash; bytes: number }>()
  for (let i = 0; i < count; i++) {
    const id = event.u16le()
    const bytes = event.u16le()
    const hash = tpmHash(id)
    if (bytes > 64 || (hash !== undefined && bytes !== tpmHashBytes(hash))) {
      throw malformed('a bank with digests of another length')
    }
    banks.set(id, hash === undefined ? { bytes } : { hash, bytes })
  }
  return banks
}

function equalText(bytes: Uint8Array, text: string): boolean {
  return bytes.length === text.length && bytes.every((byte, i) => byte === text.charCodeAt(i))
}

/** True where the table of the firmware has been filled up: with ones, or with zeros to the end. */
function isPadding(rest: Uint8Array): boolean {
  const [first] = rest
  return (first === 0xff || first === 0) && rest.every((byte) => byte === first)
}

/**
 * Parses a log.
 * @throws EvidenceError `event-log-malformed`.
 */
export function parseEventLog(bytes: Uint8Array): EventLog {
  if (bytes.length > EVENT_LOG_BYTES_MAX) throw malformed(`over ${EVENT_LOG_BYTES_MAX} bytes`)
  try {
    return readLog(bytes)
  } catch (cause) {
    if (!(cause instanceof EvidenceError) || cause.reason === 'event-log-malformed') throw cause
    throw malformed(cause.message, cause)
  }
}

function readLog(bytes: Uint8Array): EventLog {
  const reader = new ByteReader(bytes, 'event log')
  const banks = readBanks(reader)
  const events: LoggedEvent[] = []
  while (reader.remaining > 0 && !startsPadding(bytes, reader.offset)) {
    if (events.length >= EVENTS_MAX) throw malformed(`more than ${EVENTS_MAX} events`)
    const register = reader.u32le()
    const type = reader.u32le()
    if (register >= REGISTERS_MAX && type !== EV_NO_ACTION) throw malformed(`register ${register}`)
    const count = reader.u32le()
    if (count > banks.size) throw malformed('an event with digests of more banks than the log has')
    const digests: Partial<Record<TpmHash, Uint8Array>> = {}
    for (let i = 0; i < count; i++) {
      const bank = banks.get(reader.u16le())
      if (bank === undefined) throw malformed('a digest of a bank that the log does not have')
      const value = reader.take(bank.bytes)
      if (bank.hash !== undefined) digests[bank.hash] = value
    }
    const length = reader.u32le()
    if (length > EVENT_BYTES_MAX) throw malformed('an event too long')
    events.push({ register, type, digests, data: reader.take(length) })
  }
  const known = [...banks.values()].flatMap(({ hash }) => (hash === undefined ? [] : [hash]))
  return { banks: known, events }
}

/** A row of padding where an event would begin; the last test is of everything that is left. */
function startsPadding(bytes: Uint8Array, offset: number): boolean {
  const row = bytes.subarray(offset, offset + 16)
  return isPadding(row) && isPadding(bytes.subarray(offset))
}

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

/** Text of an event's data where it is text, for people to read. */
export function eventText({ data }: LoggedEvent): string | undefined {
  try {
    const text = decodeUtf8(data)
    return /^[\u0020-\u007e\u00a0-\uffff]*\0?$/.test(text) ? text.replace(/\0$/, '') : undefined
  } catch {
    return undefined
  }
}
