/** CoMIDs, the modules of a CoRIM (corim.ts): reference values and attestation keys. */
import { encodeHex } from '../../bytes/hex.ts'
import { CborTag, decodeCbor } from '../../cbor/decode.ts'
import type { CborMap, CborValue } from '../../cbor/decode.ts'
import { parseCoseKey, publicKeyFromPem } from '../../cose/public-key.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { EvidenceError } from './evidence.ts'

const TAG_PEM_KEY = 554
const TAG_COSE_KEY = 558
/** All tags of the draft and of its profiles for Arm; none means anything to the decoder. */
export const TAGS: readonly number[] = [
  111,
  ...[500, 501, 502, 505, 506, 508],
  ...Array.from({ length: 22 }, (_, i) => 550 + i),
  ...[600, 601, 602, 603],
]
const ITEMS_MAX = 1024
const DIGESTS = new Map<CborValue, string>([
  [1, 'sha256'],
  [7, 'sha384'],
  [8, 'sha512'],
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
])

/** What a value or key is about, as far as the manifest says; bytes as hex. */
export interface CorimEnvironment {
  readonly classId?: string
  readonly vendor?: string
  readonly model?: string
  readonly instance?: string
}

/** A value that an endorser expects. */
export interface CorimReferenceValue {
  readonly environment: CorimEnvironment
  /** Name of the measured thing: a component's label, or a register. */
  readonly name?: string
  readonly algorithm: string
  readonly value: string
}

export function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', `CoRIM: ${message}`, { cause })
}

export function asMap(value: CborValue, what: string): CborMap {
  if (!(value instanceof Map)) throw malformed(`${what} is not a map`)
  return value as CborMap
}

export function asList(value: CborValue, what: string): readonly CborValue[] {
  if (!Array.isArray(value) || value.length > ITEMS_MAX) throw malformed(`${what} is not a list`)
  return value as readonly CborValue[]
}

export const untagged = (value: CborValue): CborValue =>
  value instanceof CborTag ? value.value : value

export interface Draft {
  readonly referenceValues: CorimReferenceValue[]
  readonly attestationKeys: { environment: CorimEnvironment; key: PublicKey }[]
  otherTriples: number
}

const TRIPLES = { reference: 0, attestationKey: 3 } as const

export function readComid(bytes: Uint8Array, draft: Draft): void {
  const triples = asMap(
    asMap(decodeCbor(bytes, { tags: TAGS }), 'a CoMID').get(4),
    'the triples of a CoMID',
  )
  for (const [kind, records] of triples) {
    for (const record of asList(records, 'triples')) {
      const [environment, claims] = asList(record, 'a triple')
      if (kind === TRIPLES.reference) {
        const where = readEnvironment(environment)
        for (const claim of asList(claims, 'reference values')) {
          draft.referenceValues.push(...readMeasurement(where, asMap(claim, 'a measurement')))
        }
      } else if (kind === TRIPLES.attestationKey) {
        const where = readEnvironment(environment)
        for (const key of asList(claims, 'keys')) {
          draft.attestationKeys.push({ environment: where, key: readKey(key) })
        }
      } else draft.otherTriples++
      if (draft.referenceValues.length > ITEMS_MAX || draft.attestationKeys.length > ITEMS_MAX) {
        throw malformed(`more than ${ITEMS_MAX} values`)
      }
    }
  }
}

function textOf(value: CborValue): string | undefined {
  const plain = untagged(value)
  if (plain instanceof Uint8Array) return encodeHex(plain)
  return typeof plain === 'string' || typeof plain === 'number' ? String(plain) : undefined
}

function readEnvironment(value: CborValue): CorimEnvironment {
  const map = asMap(value, 'an environment')
  const what = map.get(0)
  const named = what === undefined ? undefined : asMap(what, 'a class')
  const parts = {
    classId: textOf(named?.get(0)),
    vendor: textOf(named?.get(1)),
    model: textOf(named?.get(2)),
    instance: textOf(map.get(1)),
  }
  return Object.fromEntries(Object.entries(parts).filter(([, text]) => text !== undefined))
}

function readMeasurement(environment: CorimEnvironment, map: CborMap): CorimReferenceValue[] {
  const key = untagged(map.get(0))
  const label = key instanceof Map ? textOf((key as CborMap).get(1)) : textOf(key)
  const values = asMap(map.get(1), 'measured values')
  const digests = values.get(2)
  const registers = values.get(14)
  const named = (name: string | undefined, list: CborValue): CorimReferenceValue[] =>
    asList(list, 'digests').map((item) => ({
      environment,
      ...(name === undefined ? {} : { name }),
      ...readDigest(item),
    }))
  return [
    ...(digests === undefined ? [] : named(label, digests)),
    ...(registers === undefined
      ? []
      : [...asMap(registers, 'registers')].flatMap(([name, list]) => named(textOf(name), list))),
  ]
}

function readDigest(value: CborValue): Pick<CorimReferenceValue, 'algorithm' | 'value'> {
  const [id, content] = asList(value, 'a digest')
  const algorithm = DIGESTS.get(id)
  if (algorithm === undefined || !(content instanceof Uint8Array)) throw malformed('a digest')
  return { algorithm, value: encodeHex(content) }
}

function readKey(value: CborValue): PublicKey {
  if (value instanceof CborTag && value.tag === TAG_PEM_KEY && typeof value.value === 'string') {
    return publicKeyFromPem(value.value)
  }
  if (value instanceof CborTag && value.tag === TAG_COSE_KEY && value.value instanceof Uint8Array) {
    return parseCoseKey(value.value)
  }
  throw malformed('a key of a form that is not read')
}
