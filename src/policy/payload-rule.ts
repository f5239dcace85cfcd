/**
 * The rule `payload`: a policy names a validator, and a statement that says of itself that it is of a
 * known kind has to be of that kind's form. Policies that name none admit as before, so that old logs
 * replay. The name stands for fixed rules; a later, stricter set gets another name.
 */
import { PayloadError } from '../errors.ts'
import type { PayloadFacts } from '../payload/registration-facts.ts'
import { validatePayload } from '../payload/validate-payload.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { reject } from './decision.ts'
import type { RejectDecision } from './decision.ts'
import type { RegistrationPolicy } from './registration-policy.ts'

/**
 * Refuses a payload that is broken; `undefined` for one that holds, that nobody reads, or whose
 * content is not at hand.
 */
export function decideValidPayload(
  policy: Pick<RegistrationPolicy, 'payloadValidator'>,
  content: {
    readonly statement: SignedStatement
    readonly preimage: Uint8Array | undefined
    readonly facts: () => PayloadFacts
  },
): RejectDecision | undefined {
  if (policy.payloadValidator === undefined) return undefined
  const { statement, preimage, facts } = content
  try {
    validatePayload({ statement, preimage, facts: facts() })
    return undefined
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error
    const { pointer, message } = error
    return reject('payload', pointer === '' ? message : `${pointer}: ${message}`, pointer)
  }
}
