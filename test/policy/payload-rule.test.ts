/** `payloadValidator` of a policy: broken payloads of known kinds are refused, with their place. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import type { Decision } from '../../src/policy/decision.ts'
import {
  encodeRegistrationPolicy,
  parseRegistrationPolicy,
} from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { refusal } from '../support/error-code.ts'
import { decided, policy, provenance, statement } from './fixture.ts'
import type { StatementOptions } from './fixture.ts'

const validating = { payloadValidator: 'attestry@1' } as const
const noBuildType = {
  ...provenance(),
  predicate: {
    buildDefinition: { externalParameters: {} },
    runDetails: { builder: { id: 'x:y' } },
  },
}
const noBuilder = { ...provenance(), predicate: { buildDefinition: {}, runDetails: {} } }

const decideOn = async (
  options: StatementOptions,
  by: Partial<RegistrationPolicy> = validating,
): Promise<Decision> => decided(await statement(options), { by })

describe('a policy with a payload validator', () => {
  it('refuses a broken payload with pointer and reason', async () => {
    expect(await decideOn({ payload: noBuilder })).toMatchObject({
      kind: 'reject',
      rule: 'payload',
      title: 'Rejected',
      pointer: '/predicate/runDetails/builder',
      reason: expect.stringMatching(/^\/predicate\/runDetails\/builder: /),
    })
  })

  it.each([
    ['a missing member', { builder: {} }, '/predicate/runDetails/builder/id'],
    ['a bad time', { builder: { id: 'x:y' }, metadata: { startedOn: 'x' } }, '/predicate/runDetails/metadata/startedOn'], // prettier-ignore
  ])('names the place of %s', async (_what, runDetails, pointer) => {
    const payload = {
      ...provenance(),
      predicate: { buildDefinition: { buildType: 'x:y', externalParameters: {} }, runDetails },
    }
    expect(await decideOn({ payload })).toMatchObject({ rule: 'payload', pointer })
  })

  it.each([
    ['a valid provenance', provenance()],
    ['a predicate that nobody reads', { ...provenance({ predicateType: 'https://a.example/b' }), predicate: 1 }], // prettier-ignore
    ['text', encodeUtf8('hello')],
  ])('admits %s', async (_what, payload) => {
    const contentType = payload instanceof Uint8Array ? 'text/plain' : undefined
    const options = contentType === undefined ? { payload } : { payload, contentType }
    expect(await decideOn(options)).toMatchObject({ kind: 'accept' })
  })

  it('admits a hash envelope whose content is not at hand', async () => {
    expect(await decideOn({ payload: noBuilder, hash: 'SHA-256' })).toMatchObject({
      kind: 'accept',
    })
  })

  it('refuses one whose content is at hand and broken', async () => {
    const about = await statement({ payload: noBuilder, hash: 'SHA-256' })
    const preimage = encodeUtf8(JSON.stringify(noBuilder))
    const decision = await decided(about, { by: validating, collateral: { preimage } })
    expect(decision).toMatchObject({ rule: 'payload', pointer: '/predicate/runDetails/builder' })
  })
})

describe('what an envelope wraps', () => {
  const wrap = (payload: object): object => ({
    payload: btoa(JSON.stringify(payload)),
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ sig: 'AAAA' }],
  })

  it.each(['application/vnd.in-toto+dsse', 'application/json'])(
    'is refused at its place in the payload, under %s',
    async (contentType) => {
      expect(await decideOn({ payload: wrap(noBuildType), contentType })).toMatchObject({
        rule: 'payload',
        pointer: '/payload',
        reason: '/payload: what is signed inside: /predicate/buildDefinition/buildType: is missing',
      })
    },
  )

  it('is admitted when it is of its form', async () => {
    expect(
      await decideOn({ payload: wrap(provenance()), contentType: 'application/vnd.in-toto+dsse' }),
    ).toMatchObject({ kind: 'accept' })
  })
})

it('a policy without one admits as before', async () => {
  expect(await decideOn({ payload: noBuilder }, {})).toMatchObject({ kind: 'accept' })
})

describe('the member payloadValidator', () => {
  it('survives encoding', () => {
    const read = parseRegistrationPolicy(encodeRegistrationPolicy({ ...policy, ...validating }))
    expect(read.payloadValidator).toBe('attestry@1')
  })

  it.each(['attestry@2', 'attestry', '', null, true])('refuses %j', (payloadValidator) => {
    const json = JSON.parse(new TextDecoder().decode(encodeRegistrationPolicy(policy))) as object
    const bytes = encodeUtf8(JSON.stringify({ ...json, payloadValidator }))
    expect(refusal(() => parseRegistrationPolicy(bytes))).toBe('ERR_TRUST_CONFIGURATION')
  })
})
