/**
 * What each error means on the wire: status, title and documentation anchor, in one table, so that
 * the next SCRAPI edition changes one module. Titles are those of draft-11 §2.3 where it has one.
 */
import type { ErrorCode } from '../errors.ts'

/** How one error code is answered. */
export interface Problem {
  readonly status: number
  readonly title: string
  /** What the `type` of a problem ends in. */
  readonly docs: string
  /** Said instead of the error's own message, which may tell about our inside. */
  readonly detail?: string
}

const MALFORMED: Problem = { status: 400, title: 'Malformed request', docs: 'malformed-request' }
const REJECTED: Problem = { status: 400, title: 'Rejected', docs: 'rejected' }
const UNAVAILABLE: Problem = {
  status: 503,
  title: 'Service Unavailable',
  docs: 'service-unavailable',
  detail: 'The registration was not stored; try again later.',
}
/** The same for what is not about a registration; the error's own message says what. */
const NOT_NOW: Problem = {
  status: 503,
  title: 'Service Unavailable',
  docs: 'service-unavailable',
}
/** Our own fault, or an operator's: what exactly is in the server's log, not in the answer. */
export const INTERNAL: Problem = {
  status: 500,
  title: 'Internal Server Error',
  docs: 'internal-server-error',
  detail: 'The service failed; its operator can find the reason under the request id.',
}

export const PROBLEMS: Readonly<Record<ErrorCode, Problem>> = {
  ERR_BYTES_ENCODING: MALFORMED,
  ERR_CBOR_MALFORMED: MALFORMED,
  ERR_CBOR_LIMIT: MALFORMED,
  ERR_CBOR_FORBIDDEN: MALFORMED,
  ERR_COSE_STRUCTURE: MALFORMED,
  ERR_COSE_HEADER: MALFORMED,
  ERR_COSE_CRIT: MALFORMED,
  ERR_COSE_ALGORITHM: {
    status: 400,
    title: 'Bad Signature Algorithm',
    docs: 'bad-signature-algorithm',
  },
  ERR_COSE_KEY: MALFORMED,
  ERR_KEY_PRIVATE: MALFORMED,
  ERR_PEM: MALFORMED,
  ERR_X509_MALFORMED: MALFORMED,
  ERR_DID_X509: MALFORMED,
  ERR_RECEIPT_MALFORMED: MALFORMED,
  ERR_RECEIPT_VDS: MALFORMED,
  ERR_STATEMENT_HEADERS: MALFORMED,
  ERR_STATEMENT_PAYLOAD_MISSING: { status: 400, title: 'Payload Missing', docs: 'payload-missing' },
  ERR_STATEMENT_TOO_LARGE: { status: 413, title: 'Content Too Large', docs: 'content-too-large' },
  ERR_PAYLOAD_MALFORMED: MALFORMED,
  ERR_MERKLE_RANGE: MALFORMED,
  ERR_NOTE_MALFORMED: MALFORMED,
  ERR_NOTE_KEY: MALFORMED,
  ERR_TILE_PATH: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_BUNDLE_MALFORMED: MALFORMED,
  ERR_TRUST_CONFIGURATION: MALFORMED,
  ERR_REQUEST: MALFORMED,
  ERR_RESPONSE: INTERNAL,
  ERR_USAGE: MALFORMED,
  ERR_STATEMENT_SIGNATURE: REJECTED,
  ERR_ISSUER_UNKNOWN: REJECTED,
  ERR_ISSUER_KEY: REJECTED,
  ERR_X509_PATH: REJECTED,
  ERR_X509_CRL: REJECTED,
  ERR_DID_X509_MISMATCH: REJECTED,
  ERR_RECEIPT_MISSING: REJECTED,
  ERR_STATEMENT_MISSING: REJECTED,
  ERR_RECEIPT_LOG_UNKNOWN: REJECTED,
  ERR_RECEIPT_PROOF: REJECTED,
  ERR_RECEIPT_SIGNATURE: REJECTED,
  ERR_RECEIPT_CLAIMS: REJECTED,
  ERR_CONSISTENCY: REJECTED,
  ERR_NOTE_SIGNATURE: REJECTED,
  ERR_CHECKPOINT_ORIGIN: REJECTED,
  ERR_QUORUM: REJECTED,
  ERR_TOKEN_MISSING: { status: 401, title: 'Unauthorized', docs: 'unauthorized' },
  ERR_TOKEN_INVALID: { status: 401, title: 'Unauthorized', docs: 'unauthorized' },
  ERR_TOKEN_SCOPE: { status: 403, title: 'Forbidden', docs: 'forbidden' },
  ERR_INNER_SIGNATURE: REJECTED,
  ERR_TEE_EVIDENCE: REJECTED,
  ERR_PAYLOAD_MISMATCH: REJECTED,
  ERR_ROOT_MISMATCH: REJECTED,
  ERR_POLICY_REJECTED: REJECTED,
  ERR_POLICY_GOVERNANCE: REJECTED,
  ERR_QUEUE_FULL: {
    ...UNAVAILABLE,
    detail: 'Too many registrations are waiting; try again later.',
  },
  ERR_RATE_LIMITED: { status: 429, title: 'Too Many Requests', docs: 'too-many-requests' },
  ERR_QUOTA: { status: 429, title: 'Too Many Requests', docs: 'too-many-requests' },
  ERR_LOG_FROZEN: {
    ...UNAVAILABLE,
    detail: 'This log is frozen: what it has can be read, and nothing new is registered.',
  },
  ERR_DISK_FLOOR: {
    ...UNAVAILABLE,
    detail: 'The service is short of disk space and registers nothing new; try again later.',
  },
  ERR_LOG_STOPPED: UNAVAILABLE,
  ERR_LOG_CLOSING: UNAVAILABLE,
  ERR_DECISION_STALE: UNAVAILABLE,
  ERR_CLOCK_BEHIND: UNAVAILABLE,
  ERR_STORE_BUSY: UNAVAILABLE,
  ERR_HEAD_MOVED: UNAVAILABLE,
  ERR_JOURNAL_MOVED: UNAVAILABLE,
  ERR_STORE_UNREACHABLE: UNAVAILABLE,
  ERR_GUARD_UNREACHABLE: UNAVAILABLE,
  // It may still be stored a moment later: posting it again then finds it.
  ERR_TIMEOUT: {
    ...UNAVAILABLE,
    detail: 'The registration was not stored in time; posting it again is safe.',
  },
  ERR_NETWORK: UNAVAILABLE,
  ERR_DELIVERY: UNAVAILABLE,
  ERR_INDEX_OFF: NOT_NOW,
  ERR_INDEX_BEHIND: NOT_NOW,
  ERR_STREAMS_FULL: NOT_NOW,
  ERR_APPRAISER_BUSY: NOT_NOW,
  ERR_ENTRY_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_COLLATERAL_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_PAYLOAD_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_PAYLOAD_PRUNED: { status: 410, title: 'Gone', docs: 'gone' },
  ERR_EVIDENCE_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_EVIDENCE_UNVERIFIED: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_REGISTRAR_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_KEY_UNKNOWN: { status: 404, title: 'No such key', docs: 'no-such-key' },
  ERR_HEAD_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_TILE_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_ROUTE_UNKNOWN: { status: 404, title: 'Not Found', docs: 'not-found' },
  ERR_METHOD_NOT_ALLOWED: { status: 405, title: 'Method Not Allowed', docs: 'method-not-allowed' },
  ERR_MEDIA_TYPE: { status: 415, title: 'Unsupported Media Type', docs: 'unsupported-media-type' },
  ERR_LOCATOR: { status: 400, title: 'Invalid locator', docs: 'invalid-locator' },
  ERR_BODY_TOO_LARGE: { status: 413, title: 'Content Too Large', docs: 'content-too-large' },
  ERR_HEADERS_TOO_LARGE: {
    status: 431,
    title: 'Request Header Fields Too Large',
    docs: 'malformed-request',
  },
  ERR_REQUEST_TIMEOUT: { status: 408, title: 'Request Timeout', docs: 'request-timeout' },
  ERR_EXPECTATION: { status: 417, title: 'Expectation Failed', docs: 'malformed-request' },
  ERR_REGISTRATION_FAILED: {
    status: 404,
    title: 'Registration Failed',
    docs: 'registration-failed',
  },
  ERR_LOG_MISSING: INTERNAL,
  ERR_LOG_EXISTS: INTERNAL,
  ERR_LOG_LOCKED: INTERNAL,
  ERR_DISK: INTERNAL,
  ERR_LOG_CORRUPT: INTERNAL,
  ERR_GUARD_MISSING: INTERNAL,
  ERR_GUARD_AHEAD: INTERNAL,
  ERR_GUARD_FORK: INTERNAL,
  ERR_GUARD_BEHIND: INTERNAL,
  ERR_BACKUP_DAMAGED: INTERNAL,
  ERR_LOG_MOVED: INTERNAL,
  ERR_NODE_FENCED: INTERNAL,
  ERR_KEY_MISMATCH: INTERNAL,
  ERR_KEY_FILE: INTERNAL,
  ERR_WITNESS_AHEAD: INTERNAL,
  ERR_WITNESS_FORK: INTERNAL,
  ERR_WITNESS_QUORUM: INTERNAL,
  ERR_CONFIGURATION: INTERNAL,
  ERR_INVARIANT: INTERNAL,
}

/** Rules of the Registration Policy that have a title of their own in SCRAPI. */
export const PROBLEMS_BY_RULE: ReadonlyMap<string, Problem> = new Map([
  ['algorithm', PROBLEMS.ERR_COSE_ALGORITHM],
])
