/**
 * Verdicts of cloud attestation services as facts (statements.md §5.7): Azure Attestation, Intel Trust
 * Authority and Google Cloud Attestation, each from a verified token. A service's word is recorded as
 * such: it stands beside raw evidence and never in its place, so that a contradiction can be listed.
 */
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { asObject, type JsonObject } from '../json-members.ts'
import { parseRfc3339 } from '../rfc3339.ts'
import type { ClaimedToken } from './eat-claims.ts'
import { EvidenceError } from './evidence.ts'
import type { Measurement, TeeType } from './evidence.ts'
import { bytesFromBase64 } from './foreign-text.ts'

export type CloudService = 'azure' | 'intel' | 'google'

/** What a service says. Members that it does not state are absent. */
export interface CloudVerdict {
  readonly service: CloudService
  readonly teeType?: TeeType
  readonly measurements: readonly Measurement[]
  readonly debug?: boolean
  readonly tcbStatus?: string
  readonly tcbDate?: UnixSeconds
  readonly advisories: readonly string[]
  readonly reportData?: Uint8Array
  /** Nonces as the service writes them. */
  readonly nonces: readonly string[]
  readonly policyIds: readonly string[]
  /** Digests of the collateral that the service used, as it writes them. */
  readonly collateral: Readonly<Record<string, string>>
}

const AZURE = /^https:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*\.attest\.azure\.(?:net|us|cn)$/
const GOOGLE = 'https://confidentialcomputing.googleapis.com'
const INTEL = /^https:\/\/portal(?:\.[a-z]{2})?\.trustauthority\.intel\.com$/

/** Measurements by the claim that has them, for all three. */
const MEASUREMENTS: readonly (readonly [claim: string, name: string])[] = [
  ['x-ms-sevsnpvm-launchmeasurement', 'measurement'],
  ['x-ms-sevsnpvm-hostdata', 'host-data'],
  ['x-ms-sgx-mrenclave', 'mrenclave'],
  ['x-ms-sgx-mrsigner', 'mrsigner'],
  ['sgx_mrenclave', 'mrenclave'],
  ['sgx_mrsigner', 'mrsigner'],
  ['sevsnp_measurement', 'measurement'],
  ['sevsnp_hostdata', 'host-data'],
  ['tdx_mrtd', 'mrtd'],
  ['tdx_mrseam', 'mrseam'],
  ['tdx_mrconfigid', 'mrconfigid'],
  ['tdx_mrowner', 'mrowner'],
  ['tdx_mrownerconfig', 'mrownerconfig'],
  ['tdx_rtmr0', 'rtmr0'],
  ['tdx_rtmr1', 'rtmr1'],
  ['tdx_rtmr2', 'rtmr2'],
  ['tdx_rtmr3', 'rtmr3'],
]
const REPORT_DATA = [
  'x-ms-sevsnpvm-reportdata',
  'x-ms-sgx-report-data',
  'tdx_report_data',
  'tdx_reportdata',
  'sgx_report_data',
  'sevsnp_reportdata',
] as const
const DEBUG = [
  'x-ms-sevsnpvm-is-debuggable',
  'x-ms-sgx-is-debuggable',
  'tdx_is_debuggable',
  'sgx_is_debuggable',
  'is-debuggable',
] as const
const TEE_TYPES = new Map<unknown, TeeType>([
  ['sgx', 'sgx'],
  ['SGX', 'sgx'],
  ['tdx', 'tdx'],
  ['tdxvm', 'tdx'],
  ['TDX', 'tdx'],
  ['sevsnpvm', 'sev-snp'],
  ['SEVSNP', 'sev-snp'],
  ['GCP_AMD_SEV_ES', 'sev-snp'],
  ['GCP_INTEL_TDX', 'tdx'],
])

/** The service that issues under this name, where one is known. */
export function cloudServiceOf(issuer: string | undefined): CloudService | undefined {
  if (issuer === undefined) return undefined
  if (AZURE.test(issuer)) return 'azure'
  if (INTEL.test(issuer)) return 'intel'
  return issuer === GOOGLE ? 'google' : undefined
}

/** Claims of the machine: Azure puts those of a confidential VM one level down. */
function machineClaims(claims: JsonObject): JsonObject {
  const part = (name: string): JsonObject | undefined => asObject(claims[name])
  return {
    ...claims,
    ...part('tdx'),
    ...part('sgx'),
    ...part('sevsnp'),
    ...part('x-ms-isolation-tee'),
  }
}

function hexOf(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return encodeHex(value)
  if (typeof value !== 'string' || value === '') return undefined
  if (/^(?:[0-9a-fA-F]{2})+$/.test(value)) return value.toLowerCase()
  return encodeHex(bytesFromBase64(value, 'a measurement'))
}

function textList(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) return []
  return value.filter((item): item is string => typeof item === 'string')
}

function debugOf(machine: JsonObject): boolean | undefined {
  const flag = DEBUG.map((name) => machine[name]).find((value) => typeof value === 'boolean')
  if (typeof flag === 'boolean') return flag
  const { dbgstat } = machine
  // RFC 9711 §4.2.9: 0 enabled, 1 to 4 kinds of disabled; "disabled" alone may have been enabled.
  if (typeof dbgstat === 'number') return dbgstat < 2
  return typeof dbgstat === 'string' ? !/^disabled-.+/.test(dbgstat) : undefined
}

function dateOf(value: unknown): UnixSeconds | undefined {
  if (typeof value !== 'string') return undefined
  try {
    return Math.floor(parseRfc3339(value, 'the TCB date') / 1000)
  } catch {
    return undefined
  }
}

function policyIdsOf(claims: JsonObject): readonly string[] {
  const matched = claims['policy_ids_matched']
  const ids = Array.isArray(matched)
    ? matched.map((item: unknown) => asObject(item)?.['id'] ?? item)
    : []
  return textList([...ids, claims['x-ms-policy-hash']])
}

/**
 * Reads the verdict of a service.
 * @throws EvidenceError `unsupported` for an issuer that is no service known here, `malformed`.
 */
export function readCloudVerdict({ claims, issuer }: ClaimedToken): CloudVerdict {
  const service = cloudServiceOf(issuer)
  if (service === undefined) throw new EvidenceError('unsupported', 'not an attestation service')
  const machine = machineClaims(claims)
  const measurements = MEASUREMENTS.flatMap(([claim, name]) => {
    const value = hexOf(machine[claim])
    return value === undefined ? [] : [{ name, value }]
  })
  const reportData = REPORT_DATA.map((name) => hexOf(machine[name])).find(Boolean)
  const teeType = [
    machine['x-ms-attestation-type'],
    machine['attester_type'],
    machine['hwmodel'],
  ].map((value) => TEE_TYPES.get(value))
  const type = teeType.find(Boolean)
  const debug = debugOf(machine)
  const { attester_tcb_status: status } = machine
  const tcbDate = dateOf(machine['attester_tcb_date'])
  const used = claims['maa-attestationcollateral']
  return {
    service,
    ...(type === undefined ? {} : { teeType: type }),
    measurements,
    ...(debug === undefined ? {} : { debug }),
    ...(typeof status === 'string' ? { tcbStatus: status } : {}),
    ...(tcbDate === undefined ? {} : { tcbDate }),
    advisories: textList(machine['attester_advisory_ids']),
    ...(reportData === undefined ? {} : { reportData: decodeHex(reportData) }),
    nonces: textList(claims['eat_nonce']),
    policyIds: policyIdsOf(claims),
    collateral:
      typeof used === 'object' && used !== null
        ? Object.fromEntries(
            Object.entries(used as JsonObject).filter(
              (pair): pair is [string, string] => typeof pair[1] === 'string',
            ),
          )
        : {},
  }
}
