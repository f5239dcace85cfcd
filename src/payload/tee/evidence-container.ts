/**
 * The container in which evidence is registered together with what it takes to verify it: a CBOR map of
 * the evidence, collateral (or the entries that hold it), and what the evidence claims to be bound to
 * (statements.md §7.3). Strict: known members only, deterministic encoding (RFC 8949 §4.2.1), so one
 * container is one byte string. Nothing is verified here: appraise-evidence.ts does that.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { decodeCbor } from '../../cbor/decode.ts'
import type { CborMap, CborValue } from '../../cbor/decode.ts'
import { encodeCbor } from '../../cbor/encode.ts'
import { InputError } from '../../errors.ts'
import type { BindingDeclaration, BindingType } from './bindings.ts'
import { EvidenceError } from './evidence.ts'

export const TEE_EVIDENCE_MEDIA_TYPE = 'application/vnd.attestry.tee-evidence+cbor'
/** Larger content is not read at registration. */
export const TEE_EVIDENCE_BYTES_MAX: number = 1024 * 1024
/** Entries with collateral that one piece of evidence may name. */
export const REGISTERED_MAX = 8
const DIGEST_BYTES = 32
/** Report data is 64 bytes; a TPM's extra data and Nitro's fields may be longer. */
const OFFSET_MAX = 1023

export const EVIDENCE_FORMATS = [
  'sgx-quote',
  'tdx-quote',
  /** A bare report; its certificates are collateral. */
  'snp-report',
  /** What Linux's configfs-tsm gives, as one unit (tsm-report.ts). */
  'tsm-report',
  'nitro-document',
  /** A TPM quote in the JSON of vtpm-evidence.ts. */
  'tpm-evidence',
  /** The same with the HCL report of an Azure confidential VM. */
  'azure-vtpm',
  'cca-token',
] as const

export type EvidenceFormat = (typeof EVIDENCE_FORMATS)[number]

/** What the evidence claims to be about. A claim, until it is recomputed. */
export interface EvidenceBinding extends BindingDeclaration {
  /** Of type `build`. */
  readonly buildId?: string
  /** COSE_Key, for the types `key` and `build`; absent: the key that signs the statement. */
  readonly key?: Uint8Array
  /** SHA-256 of what is bound, for the type `payload`. */
  readonly payload?: Uint8Array
}

/** Evidence and what belongs to it. */
export interface TeeEvidence {
  readonly format: EvidenceFormat
  /** Exactly as the platform made it. */
  readonly evidence: Uint8Array
  /** A collateral bundle (collateral-bundle.ts) that came along. */
  readonly collateral?: Uint8Array
  /** Ids of entries with collateral bundles that were registered before in the same log. */
  readonly registered?: readonly Uint8Array[]
  /** CCEL or TCG2 log. */
  readonly eventLog?: Uint8Array
  readonly binding?: EvidenceBinding
  /** The signed note that a nonce was made of; beside `key` or `payload` it is a second binding. */
  readonly checkpoint?: Uint8Array
}

const BINDING_TYPES: readonly BindingType[] = ['key', 'payload', 'checkpoint', 'build']
const MEMBERS = ['format', 'evidence', 'collateral', 'registered', 'event-log', 'binding', 'checkpoint'] // prettier-ignore
/** Members that a binding of a type must have, and may have. */
const BINDING_MEMBERS: Readonly<Record<BindingType, readonly [must: string[], may: string[]]>> = {
  key: [[], ['key']],
  payload: [['payload'], []],
  checkpoint: [[], []],
  build: [['build-id'], ['key']],
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', `evidence container: ${message}`, { cause })
}

function readBytes(map: CborMap, name: string): Uint8Array | undefined {
  const value = map.get(name)
  if (value === undefined) return undefined
  if (value instanceof Uint8Array && value.length > 0) return value
  throw malformed(`"${name}" is not a byte string, or is empty`)
}

function readDigest(value: CborValue, name: string): Uint8Array {
  if (value instanceof Uint8Array && value.length === DIGEST_BYTES) return value
  throw malformed(`"${name}" has something else than ${DIGEST_BYTES} bytes`)
}

function readRegistered(value: CborValue): readonly Uint8Array[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length === 0 || value.length > REGISTERED_MAX) {
    throw malformed(`"registered" is not a list of 1 to ${REGISTERED_MAX} entry ids`)
  }
  return (value as readonly CborValue[]).map((item) => readDigest(item, 'registered'))
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

function readBinding(value: CborValue, hasCheckpoint: boolean): EvidenceBinding | undefined {
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

/**
 * Parses a container.
 * @throws EvidenceError `malformed`
 */
export function parseTeeEvidence(bytes: Uint8Array): TeeEvidence {
  if (bytes.length > TEE_EVIDENCE_BYTES_MAX) {
    throw malformed(`more than ${TEE_EVIDENCE_BYTES_MAX} bytes`)
  }
  let map: CborValue
  try {
    map = decodeCbor(bytes.slice(), { bytes: TEE_EVIDENCE_BYTES_MAX })
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message, cause)
  }
  if (!(map instanceof Map)) throw malformed('not a map')
  const container = readContainer(map)
  if (!equalBytes(encodeTeeEvidence(container), bytes)) {
    throw malformed('not in deterministic encoding')
  }
  return container
}

function readContainer(map: CborMap): TeeEvidence {
  if ([...map.keys()].some((name) => !MEMBERS.includes(name as string))) {
    throw malformed('a member of another name')
  }
  const format = EVIDENCE_FORMATS.find((known) => known === map.get('format'))
  if (format === undefined) throw malformed('the format is none of those known')
  const evidence = readBytes(map, 'evidence')
  if (evidence === undefined) throw malformed('there is no evidence in it')
  const collateral = readBytes(map, 'collateral')
  const registered = readRegistered(map.get('registered'))
  const eventLog = readBytes(map, 'event-log')
  const checkpoint = readBytes(map, 'checkpoint')
  const binding = readBinding(map.get('binding'), checkpoint !== undefined)
  if (checkpoint !== undefined && binding === undefined) {
    throw malformed('a checkpoint without a binding says nothing')
  }
  return {
    format,
    evidence,
    ...(collateral === undefined ? {} : { collateral }),
    ...(registered === undefined ? {} : { registered }),
    ...(eventLog === undefined ? {} : { eventLog }),
    ...(binding === undefined ? {} : { binding }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  }
}

function present(members: Readonly<Record<string, CborValue>>): CborMap {
  return new Map<CborValue, CborValue>(
    Object.entries(members).filter(([, value]) => value !== undefined),
  )
}

/** The container's bytes: one spelling for one content. */
export function encodeTeeEvidence(container: TeeEvidence): Uint8Array {
  const { format, evidence, collateral, registered, eventLog, binding, checkpoint } = container
  return encodeCbor(
    present({
      ...{ format, evidence, collateral, registered, checkpoint },
      'event-log': eventLog,
      binding:
        binding === undefined
          ? undefined
          : present({
              ...{ type: binding.type, place: binding.place, offset: binding.offset },
              ...{ key: binding.key, payload: binding.payload },
              'build-id': binding.buildId,
            }),
    }),
  )
}
