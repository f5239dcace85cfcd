/** What the evidence in a container (evidence-container.ts) claims to be bound to. */
import type { CborMap, CborValue } from '../../cbor/decode.ts'
import type { BindingDeclaration, BindingType } from './bindings.ts'
import { EvidenceError } from './evidence.ts'

const DIGEST_BYTES = 32
/** Report data is 64 bytes; a TPM's extra data and Nitro's fields may be longer. */
const OFFSET_MAX = 1023

/** What the evidence claims to be about. A claim, until it is recomputed. */
export interface EvidenceBinding extends BindingDeclaration {
  /** Of type `build`. */
  readonly buildId?: string
  /** COSE_Key, for the types `key` and `build`; absent: the key that signs the statement. */
  readonly key?: Uint8Array
  /** SHA-256 of what is bound, for the type `payload`. */
  readonly payload?: Uint8Array
}

const BINDING_TYPES: readonly BindingType[] = ['key', 'payload', 'checkpoint', 'build']
/** Members that a binding of a type must have, and may have. */
const BINDING_MEMBERS: Readonly<Record<BindingType, readonly [must: string[], may: string[]]>> = {
  key: [[], ['key']],
  payload: [['payload'], []],
  checkpoint: [[], []],
  build: [['build-id'], ['key']],
}

export function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', `evidence container: ${message}`, { cause })
}

export function readBytes(map: CborMap, name: string): Uint8Array | undefined {
  const value = map.get(name)
  if (value === undefined) return undefined
  if (value instanceof Uint8Array && value.length > 0) return value
  throw malformed(`"${name}" is not a byte string, or is empty`)
}

export function readDigest(value: CborValue, name: string): Uint8Array {
  if (value instanceof Uint8Array && value.length === DIGEST_BYTES) return value
  throw malformed(`"${name}" has something else than ${DIGEST_BYTES} bytes`)
}

function readPlace(map: CborMap): Pick<EvidenceBinding, 'place' | 'offset'> {
  const place = map.get('place')
  const offset = map.get('offset')
  if (place !== undefined && place !== 'report-data' && place !== 'nonce') {
    throw malformed('the binding is at a place that is none')
  }
  const isOffset = typeof offset === 'number' && Number.isInteger(offset) && offset >= 0
  if (offset !== undefined && !(isOffset && offset <= OFFSET_MAX)) {
    throw malformed('the offset of the binding is none')
  }
  return {
    ...(place === undefined ? {} : { place }),
    ...(offset === undefined ? {} : { offset: offset }),
  }
}

export function readBinding(value: CborValue, hasCheckpoint: boolean): EvidenceBinding | undefined {
  if (value === undefined) return undefined
  if (!(value instanceof Map)) throw malformed('the binding is not a map')
  const map: CborMap = value
  const type = BINDING_TYPES.find((known) => known === map.get('type'))
  if (type === undefined) throw malformed('the binding is of no known type')
  const [must, may] = BINDING_MEMBERS[type]
  const known = ['type', 'place', 'offset', ...must, ...may]
  for (const name of map.keys()) {
    if (!known.includes(name as string)) {
      throw malformed(`a binding of type ${type} has another member`)
    }
  }
  const missing = must.find((name) => !map.has(name))
  if (missing !== undefined) throw malformed(`a binding of type ${type} has "${missing}"`)
  if ((type === 'checkpoint' || type === 'build') && !hasCheckpoint) {
    throw malformed(`a binding of type ${type} comes with its checkpoint`)
  }
  const buildId = map.get('build-id')
  if (buildId !== undefined && typeof buildId !== 'string')
    throw malformed('the build id is no text')
  const key = readBytes(map, 'key')
  return {
    type,
    ...readPlace(map),
    ...(buildId === undefined ? {} : { buildId }),
    ...(key === undefined ? {} : { key }),
    ...(map.has('payload') ? { payload: readDigest(map.get('payload'), 'payload') } : {}),
  }
}
