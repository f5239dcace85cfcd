/**
 * What Linux's configfs-tsm gives a guest, carried as one unit: `application/vnd.veraison.tsm-report`
 * in CBOR or JSON, `{provider, outblob, ?auxblob}` (statements.md §5.2). The provider names the format
 * of `outblob`; members that are not read here may stand beside.
 */
import { decodeCbor } from '../../cbor/decode.ts'
import { InputError } from '../../errors.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { EvidenceError } from './evidence.ts'
import { bytesFromBase64 } from './foreign-text.ts'

/** The parts of a configfs-tsm report. */
export interface TsmReport {
  /** The kernel's name of the driver: `sev_guest`, `tdx_guest`, `arm_cca_guest`. */
  readonly provider: string
  /** The quote, report or token. */
  readonly outblob: Uint8Array
  /** For `sev_guest` the certificate table. */
  readonly auxblob?: Uint8Array
}

const BRACE = 0x7b

/**
 * Parses a unit in CBOR or JSON.
 * @throws EvidenceError `malformed`.
 */
export function parseTsmReport(bytes: Uint8Array): TsmReport {
  try {
    return bytes.find((byte) => byte > 0x20) === BRACE ? parseJson(bytes) : parseCbor(bytes)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('malformed', `not a TSM report: ${cause.message}`, { cause })
  }
}

function parseJson(bytes: Uint8Array): TsmReport {
  const context = { code: 'ERR_PAYLOAD_MALFORMED', what: 'a TSM report' } as const
  const value = parseStrictJson(bytes, context) as Record<string, unknown> | null
  const { provider, outblob, auxblob } = value ?? {}
  if (typeof provider !== 'string') throw new EvidenceError('malformed', 'no provider')
  return unit(
    provider,
    bytesFromBase64(outblob, 'outblob'),
    auxblob === undefined || auxblob === null ? undefined : bytesFromBase64(auxblob, 'auxblob'),
  )
}

function parseCbor(bytes: Uint8Array): TsmReport {
  const value = decodeCbor(bytes)
  if (!(value instanceof Map)) throw new EvidenceError('malformed', 'a TSM report is a map')
  const provider: unknown = value.get('provider')
  const outblob: unknown = value.get('outblob')
  const auxblob: unknown = value.get('auxblob') ?? undefined
  if (typeof provider !== 'string' || !(outblob instanceof Uint8Array)) {
    throw new EvidenceError('malformed', 'a TSM report has a provider and an outblob')
  }
  if (auxblob !== undefined && !(auxblob instanceof Uint8Array)) {
    throw new EvidenceError('malformed', 'the auxblob is not a byte string')
  }
  return unit(provider, outblob, auxblob)
}

function unit(provider: string, outblob: Uint8Array, auxblob: Uint8Array | undefined): TsmReport {
  return {
    provider,
    outblob,
    ...(auxblob === undefined || auxblob.length === 0 ? {} : { auxblob }),
  }
}
