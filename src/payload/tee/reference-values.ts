/**
 * What measurements should be, as endorsers say it, held against what evidence measures. Three forms are
 * read: an unsigned CoRIM, an in-toto SCAI report with the attribute `TEE_REFERENCE_VALUES`, and JSON
 * with nothing else in it:
 *
 *     {"measurements": {"mrtd": ["<hex>", …], "rtmr0": "<hex>"}}
 *
 * A name is that of the attribute `measurement` (docs/tee.md). Who says it, and whether that counts, is
 * for the caller to know: nothing here is signed.
 */
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { InputError } from '../../errors.ts'
import { asObject, listAt, memberAt, objectAt } from '../json-members.ts'
import type { JsonObject } from '../json-members.ts'
import { parseCorim } from './corim.ts'
import { EvidenceError } from './evidence.ts'
import type { Measurement } from './evidence.ts'

/** The attribute of a SCAI report whose `conditions` are reference values. */
export const REFERENCE_ATTRIBUTE = 'TEE_REFERENCE_VALUES'
const VALUES_MAX = 1024
const HEX = /^(?:[0-9a-f]{2}){2,64}$/
/** Shorter values (a product id) are no digests, and count under their own name only. */
const DIGEST_DIGITS_MIN = 32
const BRACE = 0x7b
/**
 * Fields that whoever starts an environment fills as they like. Anybody can write there what somebody
 * endorsed as another thing, so these count under their own names only.
 */
const CHOSEN: ReadonlySet<string> = new Set([
  ...['host-data', 'family-id', 'image-id'],
  ...['mrconfigid', 'mrowner', 'mrownerconfig', 'personalization'],
])

/** A value that an endorser expects. Without a name it may be that of any measurement. */
export interface ReferenceValue {
  readonly name?: string
  /** Lower-case hex. */
  readonly value: string
}

/** One measurement, and what the reference values say about it. */
export interface MeasurementMatch extends Measurement {
  readonly result: 'match' | 'no-match' | 'no-reference'
}

/** All measurements: one wrong value makes the whole wrong, and one right value is needed. */
export interface ReferenceMatch {
  readonly result: MeasurementMatch['result']
  readonly measurements: readonly MeasurementMatch[]
  /** Registers that have a reference value, and that the evidence leaves out: wrong, too. */
  readonly missing: readonly string[]
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', `reference values: ${message}`, { cause })
}

/**
 * Reads reference values in one of the three forms.
 * @throws EvidenceError `malformed`.
 */
export function parseReferenceValues(bytes: Uint8Array): readonly ReferenceValue[] {
  const isJson = bytes.find((byte) => byte > 0x20) === BRACE
  const values = isJson ? readJson(bytes) : parseCorim(bytes).referenceValues
  if (values.length === 0) throw malformed('there are none')
  if (values.length > VALUES_MAX) throw malformed(`more than ${VALUES_MAX}`)
  return values.map(({ name, value }) => ({ ...(name === undefined ? {} : { name }), value }))
}

function readJson(bytes: Uint8Array): readonly ReferenceValue[] {
  let json: JsonObject
  try {
    json = asObject(parseStrictJson(bytes, { code: 'ERR_PAYLOAD_MALFORMED', what: 'JSON' })) ?? {}
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message, cause)
  }
  if (!('predicate' in json)) return readMeasurements(json)
  return listAt(json, 'predicate', 'attributes')
    .filter((assertion) => memberAt(assertion, 'attribute') === REFERENCE_ATTRIBUTE)
    .flatMap((assertion) => readMeasurements(objectAt(assertion, 'conditions') ?? {}))
}

function readMeasurements(json: JsonObject): ReferenceValue[] {
  const named = objectAt(json, 'measurements')
  if (named === undefined) throw malformed('there is no object "measurements"')
  return Object.entries(named).flatMap(([name, given]) =>
    (Array.isArray(given) ? (given as readonly unknown[]) : [given]).map((value) => {
      const hex = typeof value === 'string' ? value.toLowerCase() : ''
      if (HEX.test(hex)) return { name, value: hex }
      throw malformed(`"${name}" is not 2 to 64 bytes in hex`)
    }),
  )
}

/** Holds measurements against reference values. */
export function matchReferenceValues(
  measurements: readonly Measurement[],
  references: readonly ReferenceValue[],
): ReferenceMatch {
  const names = new Set(measurements.map(({ name }) => name))
  const missing = missingRegisters(names, references)
  // Endorsers name components in words of their own: such a value is looked for everywhere.
  const isAnybodys = ({ name, value }: ReferenceValue): boolean =>
    (name === undefined || !names.has(name)) && value.length >= DIGEST_DIGITS_MIN
  const isFor = (one: ReferenceValue, measured: Measurement): boolean =>
    one.name === measured.name || (!CHOSEN.has(measured.name) && isAnybodys(one))
  const matches = measurements.map((measured): MeasurementMatch => {
    const isMatch = references.some((one) => isFor(one, measured) && one.value === measured.value)
    if (isMatch) return { ...measured, result: 'match' }
    const isNamed = references.some(({ name }) => name === measured.name)
    return { ...measured, result: isNamed ? 'no-match' : 'no-reference' }
  })
  const result = missing.length > 0 ? 'no-match' : together(matches)
  return { result, measurements: matches, missing }
}

const familyOf = (name: string): string => name.replace(/[0-9]+$/, '')

/**
 * Whoever asks for a quote chooses its registers: one that is not quoted must not pass. Registers that
 * were never extended are no measurements, so a value of zeros, or of ones, may be absent.
 */
function missingRegisters(
  names: ReadonlySet<string>,
  references: readonly ReferenceValue[],
): readonly string[] {
  const families = new Set([...names].filter((name) => familyOf(name) !== name).map(familyOf))
  const expected = references.flatMap(({ name }) => (name === undefined ? [] : [name]))
  return [...new Set(expected)].filter(
    (name) =>
      !names.has(name) &&
      families.has(familyOf(name)) &&
      !references.some((one) => one.name === name && /^(?:0+|f+)$/.test(one.value)),
  )
}

/** Several measurements of one name (components) are right when one of them is. */
function together(matches: readonly MeasurementMatch[]): MeasurementMatch['result'] {
  const right = new Set(matches.filter(({ result }) => result === 'match').map(({ name }) => name))
  if (matches.some(({ name, result }) => result === 'no-match' && !right.has(name))) {
    return 'no-match'
  }
  return right.size > 0 ? 'match' : 'no-reference'
}
