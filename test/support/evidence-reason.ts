/** The reason that an action on evidence ends in; anything but an EvidenceError fails the test. */
import { EvidenceError } from '../../src/payload/tee/evidence.ts'
import { refusal, rejection } from './error-code.ts'

export function evidenceReason(error: unknown): string {
  if (error instanceof EvidenceError) return error.reason
  throw error
}

/** Reason of the refusal, or "accepted". */
export function evidenceRefusal(action: () => unknown): string {
  return refusal(action, evidenceReason)
}

/** The same of an action that is asynchronous. */
export async function evidenceRejection(action: () => Promise<unknown>): Promise<string> {
  return rejection(action, evidenceReason)
}
