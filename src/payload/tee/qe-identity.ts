/**
 * Intel's identity of the enclave that quotes: `QE` for SGX, `TD_QE` for TDX, version 2. Who signed the
 * enclave and what it is must match; at which level it is, is a fact.
 */
import { equalBytes, maskBytes } from '../../bytes/bytes.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { JsonFields } from './dcap-json.ts'
import { EvidenceError } from './evidence.ts'
import type { SgxReport } from './sgx-quote.ts'
import { matchSvnLevel, readSvnLevels } from './tcb-level.ts'
import type { SvnLevel, TcbLevel } from './tcb-level.ts'

/** Parsed identity; not to be believed before its signature and window were checked. */
export interface QeIdentity {
  readonly tee: 'sgx' | 'tdx'
  readonly issueDate: UnixSeconds
  readonly nextUpdate: UnixSeconds
  readonly evaluationNumber: number
  readonly miscSelect: Uint8Array
  readonly miscSelectMask: Uint8Array
  readonly attributes: Uint8Array
  readonly attributesMask: Uint8Array
  readonly mrSigner: Uint8Array
  readonly isvProdId: number
  readonly levels: readonly SvnLevel[]
}

const fields = new JsonFields('qe-identity-malformed', 'QE identity')

/**
 * Reads the value of the member `enclaveIdentity`.
 * @throws EvidenceError `qe-identity-malformed`
 */
export function readQeIdentity(value: unknown): QeIdentity {
  const id = fields.text(value, 'id')
  if (id !== 'QE' && id !== 'TD_QE') throw fields.refuse('id')
  if (fields.integer(value, 'version', 2) !== 2) throw fields.refuse('version')
  return {
    tee: id === 'TD_QE' ? 'tdx' : 'sgx',
    issueDate: fields.time(value, 'issueDate'),
    nextUpdate: fields.time(value, 'nextUpdate'),
    evaluationNumber: fields.integer(value, 'tcbEvaluationDataNumber', 0xffff_ffff),
    // Intel writes this number most significant byte first, the report least significant first.
    miscSelect: fields.bytes(value, 'miscselect', 4).slice().reverse(),
    miscSelectMask: fields.bytes(value, 'miscselectMask', 4).slice().reverse(),
    attributes: fields.bytes(value, 'attributes', 16),
    attributesMask: fields.bytes(value, 'attributesMask', 16),
    mrSigner: fields.bytes(value, 'mrsigner', 32),
    isvProdId: fields.integer(value, 'isvprodid', 0xffff),
    levels: readSvnLevels(value, fields),
  }
}

/**
 * Checks that the report is of this enclave, and finds its level.
 * @throws EvidenceError `qe-identity`
 */
export function matchQuotingEnclave(identity: QeIdentity, report: SgxReport): TcbLevel {
  const { miscSelect, miscSelectMask, attributes, attributesMask } = identity
  const differs = [
    ['MRSIGNER', equalBytes(report.mrSigner, identity.mrSigner)],
    ['ISVPRODID', report.isvProdId === identity.isvProdId],
    ['attributes', equalBytes(maskBytes(report.attributes, attributesMask), attributes)],
    ['MISCSELECT', equalBytes(maskBytes(report.miscSelect, miscSelectMask), miscSelect)],
  ].find(([, holds]) => holds === false)
  if (differs !== undefined) {
    throw new EvidenceError('qe-identity', `the quoting enclave has another ${String(differs[0])}`)
  }
  return matchSvnLevel(identity.levels, report.isvSvn)
}
