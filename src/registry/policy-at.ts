/** The Registration Policy that an entry of the log was admitted under: the last one below it. */
import { InputError } from '../errors.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { parseRegistrationPolicy } from '../policy/registration-policy.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { RegistryPorts } from './ports.ts'

export interface PolicyAt {
  /** Id of the entry that holds it, hex. */
  readonly policyId: string
  readonly policy: RegistrationPolicy
}

/** Undefined where there is none, or it cannot be read here: the log was not admitted by these rules then. */
export async function findPolicyAt(
  leafIndex: LeafIndex,
  { log, sha256 }: Pick<RegistryPorts, 'log' | 'sha256'>,
): Promise<PolicyAt | undefined> {
  const indexes = await log.listGovernance('policy')
  const index = indexes.findLast((each) => each < leafIndex)
  if (index === undefined) return undefined
  const { entryId, message } = parseSignedStatement(await log.readEntry(index), { sha256 })
  try {
    const policy = parseRegistrationPolicy(message.payload ?? new Uint8Array(0))
    return { policyId: entryId, policy }
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
}
