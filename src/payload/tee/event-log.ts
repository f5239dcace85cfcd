/**
 * Firmware event logs: the crypto-agile TCG2 log (TCG PC Client Platform Firmware Profile, §10), and
 * Intel's CCEL, which has the same form and names RTMRs in place of PCRs (UEFI 2.10, §38.4.1).
 * Little-endian. Nothing in one counts before it is replayed: replay-event-log.ts.
 */
import { decodeUtf8 } from '../../bytes/bytes.ts'
import { ByteReader } from './byte-reader.ts'
import { EvidenceError } from './evidence.ts'
import { tpmHash, tpmHashBytes } from './tpm-attest.ts'
import type { TpmHash } from './tpm-attest.ts'

export const EVENT_LOG_BYTES_MAX: number = 1024 * 1024
const EVENTS_MAX = 16_384
const EVENT_BYTES_MAX = 256 * 1024
const BANKS_MAX = 8
const REGISTERS_MAX = 32
export const EV_NO_ACTION = 3
const SPEC_ID = 'Spec ID Event03\0'
export const STARTUP_LOCALITY = 'StartupLocality\0'
const SHA1_BYTES = 20

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

export function malformed(message: string, cause?: unknown): EvidenceError {
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

export function equalText(bytes: Uint8Array, text: string): boolean {
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

/** Text of an event's data where it is text, for people to read. */
export function eventText({ data }: LoggedEvent): string | undefined {
  try {
    const text = decodeUtf8(data)
    return /^[\u0020-\u007e\u00a0-\uffff]*\0?$/.test(text) ? text.replace(/\0$/, '') : undefined
  } catch {
    return undefined
  }
}
