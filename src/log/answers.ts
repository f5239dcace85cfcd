/** The errors that the log answers its callers with, each with when to come back. */
import { NotFoundError, UnavailableError } from '../errors.ts'

export function logStopped(cause: Error): UnavailableError {
  const message = 'the log has stopped and will be restarted: try again'
  return new UnavailableError('ERR_LOG_STOPPED', message, { cause, retryAfterSeconds: 5 })
}

export function logClosing(): UnavailableError {
  const message = 'the log is closing: try again'
  return new UnavailableError('ERR_LOG_CLOSING', message, { retryAfterSeconds: 5 })
}

export function clockBehind(seconds: number): UnavailableError {
  const message = `the clock is ${seconds} s behind the last registration`
  return new UnavailableError('ERR_CLOCK_BEHIND', message, { retryAfterSeconds: seconds })
}

export function decisionStale(): UnavailableError {
  const message = 'the decision was made for another registration time or policy'
  return new UnavailableError('ERR_DECISION_STALE', message, { retryAfterSeconds: 0 })
}

export function journalMoved(): UnavailableError {
  return new UnavailableError('ERR_JOURNAL_MOVED', 'another journal was registered meanwhile')
}

/** It does not end by itself soon, and clients of SCRAPI give up on longer waits. */
export const FROZEN_RETRY_SECONDS = 30

export function logFrozen(): UnavailableError {
  const options = { retryAfterSeconds: FROZEN_RETRY_SECONDS }
  return new UnavailableError('ERR_LOG_FROZEN', 'the log is frozen', options)
}

export function headUnknown(treeSize: number): NotFoundError {
  return new NotFoundError('ERR_HEAD_UNKNOWN', `there is no signed tree head of size ${treeSize}`)
}

export function tileUnknown(what: string): NotFoundError {
  return new NotFoundError('ERR_TILE_UNKNOWN', `the released tree has no ${what}`)
}

export function collateralUnknown(digest: string): NotFoundError {
  return new NotFoundError('ERR_COLLATERAL_UNKNOWN', `there is no collateral ${digest}`)
}

export function entryUnknown(leafIndex: number): NotFoundError {
  return new NotFoundError('ERR_ENTRY_UNKNOWN', `there is no entry ${leafIndex}`)
}
