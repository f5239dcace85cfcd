/** The code of the error that an action ends in; anything but an Attestry error fails the test. */
import { AttestryError } from '../../src/errors.ts'

function codeOf(error: unknown): string {
  if (error instanceof AttestryError) return (error as AttestryError).code
  throw error
}

/** What `name` calls the refusal, or "accepted". */
export function refusal(action: () => unknown, name = codeOf): string {
  try {
    action()
    return 'accepted'
  } catch (error) {
    return name(error)
  }
}

/** The same of an action that is asynchronous. */
export async function rejection(action: () => Promise<unknown>, name = codeOf): Promise<string> {
  return action().then(() => 'accepted', name)
}
