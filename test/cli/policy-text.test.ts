/** What people read of a policy's rule about TEE evidence. */
import { describe, expect, it } from 'vitest'
import { policyRows } from '../../src/cli/policy-text.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import type { TeeEvidencePolicy } from '../../src/policy/tee-evidence-policy.ts'
import { testSigner } from '../support/test-signer.ts'

const key = testSigner().publicKey
const policy: RegistrationPolicy = {
  version: 1,
  algorithms: ['ES256'],
  contentTypes: ['*'],
  operatorKeys: [key],
}
const rowOf = (teeEvidence?: TeeEvidencePolicy): string | undefined =>
  policyRows({ ...policy, ...(teeEvidence && { teeEvidence }) }).find(
    ([name]) => name === 'TEE evidence',
  )?.[1]

describe('the rule about TEE evidence', () => {
  it('is not there unless the policy has it', () => {
    expect(rowOf()).toBeUndefined()
  })

  it('says what is refused, and what counts', () => {
    expect(rowOf({ check: 'verified@1' })).toBe('has to verify (verified@1)')
    const strict = rowOf({
      check: 'verified@1',
      ...{ outOfDate: 'refuse', debug: 'refuse', checkpointAgeMax: 60 },
      roots: { intel: ['00'.repeat(32)] },
      endorsers: { cca: [key, key] },
    })
    expect(strict).toBe(
      'has to verify (verified@1); a TCB out of date is refused; debug environments are refused; ' +
        'checkpoints at most 60 s old; roots: 1 intel; platform keys: 2 cca',
    )
  })
})
