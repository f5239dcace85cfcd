/**
 * The port through which the HTTP surface tells what it answers, for whoever counts. It sees no
 * statement, no token and no address. It never throws, and a call costs far less than a microsecond
 * on the way of a registration. Adapter: `app/metrics.ts`.
 */
import type { ErrorCode } from '../errors.ts'

/** The two kinds of limited requests. */
export type RequestKind = 'registrations' | 'reads'

/** What a request asks for; health checks are neither. */
export type ObservedKind = RequestKind | 'health'

export interface HttpObserver {
  /** A request begins. */
  onRequest(kind: ObservedKind): void
  /** A registration was answered with its Receipt, or with a promise of one. */
  onRegistered(status: 'registered' | 'pending', milliseconds: number): void
  /** A request was answered with a problem. */
  onProblem(problem: { readonly status: number; readonly code: ErrorCode }): void
}
