/** The reason that an action on evidence ends in; anything but an EvidenceError fails the test. */
import { EvidenceError } from '../../src/payload/tee/evidence.ts'

function reasonOf(error: unknown): string {
  if (error instanceof EvidenceError) return error.reason
  throw error
}

/** Reason of the refusal, or "accepted". */
export function evidenceRefusal(action: () => unknown): string {
  try {
    action()
    return 'accepted'
  } catch (error) {
    return reasonOf(error)
  }
}

/** The same of an action that is asynchronous. */
export async function evidenceRejection(action: () => Promise<unknown>): Promise<string> {
  return action().then(() => 'accepted', reasonOf)
}
