/**
 * From a service's refusal to one of our errors: whose fault it is and whether trying again helps.
 * The cause is taken from the problem's title where there is one, else from the status class
 * (standards.md IS-12). The problem itself is kept as the error's `cause`.
 */
import {
  AttestryError,
  InputError,
  NotFoundError,
  PolicyError,
  UnavailableError,
  VerificationError,
} from '../errors.ts'
import type { ErrorCode, UnavailableErrorCode } from '../errors.ts'
import type { Answer } from './exchange.ts'
import { describeProblem, readProblem } from './problem-details.ts'
import type { ServiceProblem } from './problem-details.ts'

/** Titles under which services say that their policy refuses (SCRAPI §2.3; scitt-ccf-ledger). */
const POLICY_TITLES: readonly string[] = ['rejected', 'policyfailed', 'policyerror']
const RETRY_STATUSES: readonly number[] = [408, 425, 429, 502, 503, 504]
/** What our registries say of themselves that a client can act on (docs/issuers.md, docs/querying.md). */
const REASONS_TO_WAIT: readonly UnavailableErrorCode[] = [
  'ERR_QUEUE_FULL',
  'ERR_QUOTA',
  'ERR_LOG_FROZEN',
  'ERR_DISK_FLOOR',
  'ERR_TIMEOUT',
  'ERR_INDEX_OFF',
  'ERR_INDEX_BEHIND',
  'ERR_STREAMS_FULL',
  'ERR_APPRAISER_BUSY',
]

/** True when the same request may succeed later. */
export function isTemporary(status: number): boolean {
  return RETRY_STATUSES.includes(status)
}

/** True when waiting may help: a frozen log is not busy, and stays so until its operator wills it. */
export function mayPass(answer: Answer): boolean {
  return isTemporary(answer.status) && !isFrozen(answer)
}

function isFrozen({ status, mediaType, body }: Answer): boolean {
  return status === 503 && readProblem(status, mediaType, body).code === 'ERR_LOG_FROZEN'
}

/** The error for an answer that is not a success. */
export function serviceError(answer: Answer): AttestryError {
  const problem = readProblem(answer.status, answer.mediaType, answer.body)
  const told = (code: ErrorCode): string => `${answer.url}: ${describeProblem(problem, code)}`
  const options = { cause: problem }
  const title = problem.title?.toLowerCase()
  if (isTemporary(answer.status) || answer.status >= 500) {
    const other = answer.status === 429 ? 'ERR_RATE_LIMITED' : 'ERR_NETWORK'
    const code = REASONS_TO_WAIT.find((reason) => reason === problem.code) ?? other
    return new UnavailableError(code, told(code), {
      ...options,
      retryAfterSeconds: answer.retryAfterSeconds ?? 1,
    })
  }
  // A rule of ours may have a title of its own.
  if (POLICY_TITLES.includes(title ?? '') || problem.code === 'ERR_POLICY_REJECTED') {
    // Services of other makers say what refused in their code, if anywhere.
    const { code: other = 'service', rule = other, pointer } = problem
    const code = 'ERR_POLICY_REJECTED'
    return new PolicyError(code, rule, told(code), { ...options, pointer })
  }
  if (isNoResource(answer, problem)) return noResource(answer.url, 'there is no such resource')
  if (answer.status === 404 || answer.status === 410) {
    const failed = title === 'registration failed'
    const code = failed ? 'ERR_REGISTRATION_FAILED' : 'ERR_ENTRY_UNKNOWN'
    return new NotFoundError(code, told(code), options)
  }
  if (answer.status === 401 && problem.code?.startsWith('ERR_TOKEN_') === true) {
    const isMissing = problem.code === 'ERR_TOKEN_MISSING'
    const code = isMissing ? 'ERR_TOKEN_MISSING' : 'ERR_TOKEN_INVALID'
    return new VerificationError(code, told(code), options)
  }
  if (answer.status >= 400) return new InputError('ERR_REQUEST', told('ERR_REQUEST'), options)
  if (answer.location !== undefined) return redirectError(answer)
  return new InputError('ERR_RESPONSE', `${told('ERR_RESPONSE')}: unexpected status`, options)
}

/** A 404 of a service says what is not there; any other server says 404 to all that the API has. */
function isNoResource({ status }: Answer, { title, code }: ServiceProblem): boolean {
  if (status !== 404) return false
  return code === 'ERR_ROUTE_UNKNOWN' || (code === undefined && title === undefined)
}

/** The error for an address at which there is no service. */
export function noResource(url: string, what: string): NotFoundError {
  return new NotFoundError('ERR_ROUTE_UNKNOWN', `${url}: ${what} (HTTP 404)`)
}

/** The error for a redirect that is not followed. */
export function redirectError({ url, status, location = '' }: Answer): InputError {
  const message = `${url} redirects to ${location} (HTTP ${status}), and is not followed`
  return new InputError('ERR_RESPONSE', message)
}

/** The problem that a service gave for an error thrown here, if the error came from a service. */
export function problemOf(error: unknown): ServiceProblem | undefined {
  if (!(error instanceof AttestryError)) return undefined
  const { cause } = error
  return typeof cause === 'object' &&
    cause !== null &&
    !(cause instanceof Error) &&
    'status' in cause
    ? (cause as ServiceProblem)
    : undefined
}
