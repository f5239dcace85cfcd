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
import { malformed, readBytes, readDigest, readBinding } from './container-binding.ts'
import type { EvidenceBinding } from './container-binding.ts'

export const TEE_EVIDENCE_MEDIA_TYPE = 'application/vnd.attestry.tee-evidence+cbor'
/** Larger content is not read at registration. */
export const TEE_EVIDENCE_BYTES_MAX: number = 1024 * 1024
/** Entries with collateral that one piece of evidence may name. */
export const REGISTERED_MAX = 8

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
const MEMBERS = ['format', 'evidence', 'collateral', 'registered', 'event-log', 'binding', 'checkpoint'] // prettier-ignore

function readRegistered(value: CborValue): readonly Uint8Array[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length === 0 || value.length > REGISTERED_MAX) {
    throw malformed(`"registered" is not a list of 1 to ${REGISTERED_MAX} entry ids`)
  }
  return (value as readonly CborValue[]).map((item) => readDigest(item, 'registered'))
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
