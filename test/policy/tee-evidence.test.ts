/** The rule `tee-evidence` by itself: how long its answer stands, and that it comes after the others. */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import { decide } from '../../src/policy/decide.ts'
import type { DecideOptions } from '../../src/policy/decide.ts'
import {
  encodeRegistrationPolicy,
  parseRegistrationPolicy,
} from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { makeDcap } from '../support/intel-pki.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { testSigner } from '../support/test-signer.ts'

const ISSUER = 'https://agent.example'
const signer = testSigner()
const operator = testSigner()
const reportData = concatBytes(keyThumbprint(signer.publicKey), new Uint8Array(32))
const { quote, collateral, roots: intel } = makeDcap({ tee: 'tdx', reportData })

const policy: RegistrationPolicy = {
  version: 1,
  algorithms: ['ES256'],
  contentTypes: ['*'],
  operatorKeys: [operator.publicKey],
  teeEvidence: { check: 'verified@1', roots: { intel } },
}

async function options(changes: Partial<DecideOptions> = {}): Promise<DecideOptions> {
  const payload = encodeTeeEvidence({
    ...{ format: 'tdx-quote', evidence: quote, collateral: encodeCollateral(collateral) },
    binding: { type: 'key' },
  })
  const bytes = await signStatement({
    ...{ payload, contentType: TEE_EVIDENCE_MEDIA_TYPE, issuer: ISSUER, subject: 's', signer },
  })
  return {
    statement: parseSignedStatement(bytes),
    policy,
    anchors: [{ kind: 'cose-key', key: signer.publicKey, issuers: [ISSUER] }],
    registrationTime: TEST_NOW,
    verifier: nodeVerifier,
    ...changes,
  }
}

describe('the decision about evidence', () => {
  it('stands as long as the collateral does', async () => {
    const accepted = await decide(await options())
    if (accepted.kind === 'reject') throw new Error(accepted.reason)
    expect(accepted.standsUntil).toBe(Date.parse('2026-06-19T00:00:00Z') / 1000)
    expect(accepted.standsFrom).toBe(Date.parse('2026-05-20T00:00:00Z') / 1000)
    const { standsFrom: from, standsUntil: until } = accepted
    expect(await decide(await options({ registrationTime: until }))).toMatchObject(accepted)
    expect(await decide(await options({ registrationTime: until + 1 }))).toMatchObject({
      ...{ kind: 'reject', rule: 'tee-evidence', title: 'Rejected' },
      reason: expect.stringMatching(/^[a-z-]+-expired: /) as string,
    })
    expect(await decide(await options({ registrationTime: from - 1 }))).toMatchObject({
      reason: expect.stringMatching(/^[a-z-]+-not-yet-valid: /) as string,
    })
  })

  it('is that of before under a policy that does not ask', async () => {
    const { teeEvidence: _, ...silent } = policy
    const late = await options({ policy: silent, registrationTime: TEST_NOW * 2 })
    expect(await decide(late)).toMatchObject({ kind: 'accept' })
  })

  it('comes after that about the issuer', async () => {
    const stranger = await options({ anchors: [], registrationTime: TEST_NOW * 2 })
    expect(await decide(stranger)).toMatchObject({ rule: 'issuer-unknown' })
  })
})

describe('the policy', () => {
  it('comes back as it was', () => {
    const full: RegistrationPolicy = {
      ...policy,
      teeEvidence: {
        ...{ check: 'verified@1', outOfDate: 'refuse', debug: 'annotate', checkpointAgeMax: 60 },
        roots: { intel, amd: intel, aws: intel, tpm: intel },
        endorsers: { cca: [signer.publicKey], tpm: [operator.publicKey] },
      },
    }
    const bytes = encodeRegistrationPolicy(full)
    expect(encodeRegistrationPolicy(parseRegistrationPolicy(bytes))).toEqual(bytes)
    expect(parseRegistrationPolicy(bytes).teeEvidence).toMatchObject({ outOfDate: 'refuse' })
  })

  it('of another check is refused', () => {
    const bytes = new TextDecoder().decode(encodeRegistrationPolicy(policy))
    const other = new TextEncoder().encode(bytes.replace('verified@1', 'verified@2'))
    expect(() => parseRegistrationPolicy(other)).toThrow('here it is verified@1')
  })
})
