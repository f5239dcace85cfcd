import { beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { DelegationIndex } from '../../src/policy/delegation-index.ts'
import {
  encodeDelegation,
  encodeDelegationRevocation,
  parseDelegation,
  parseDelegationRevocation,
} from '../../src/policy/delegation.ts'
import type { Delegation } from '../../src/policy/delegation.ts'
import {
  DELEGATION_MEDIA_TYPE,
  DELEGATION_REVOCATION_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import type { SignedStatement } from '../../src/statement/signed-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { testSigner } from '../support/test-signer.ts'
import { anchor, decided, NOW, provenance, ruleOf, signer, SLSA_V1, statement } from './fixture.ts'
import type { StatementOptions } from './fixture.ts'

const day = 86_400
const by = { delegation: { depthMax: 3 } }
const one: Signer = testSigner()
const two: Signer = testSigner()
const three: Signer = testSigner()
const four: Signer = testSigner()

const delegate = (
  change: Partial<Delegation> = {},
  options: StatementOptions = {},
): Promise<SignedStatement> =>
  statement({
    payload: encodeDelegation({
      audience: one.publicKey,
      subjects: ['pkg:npm/@acme/*'],
      predicateTypes: [SLSA_V1],
      notBefore: 0,
      expires: NOW + 90 * day,
      ...change,
    }),
    subject: 'urn:attestry:delegation',
    contentType: DELEGATION_MEDIA_TYPE,
    ...options,
  })
const revoke = (delegation: string, options: StatementOptions = {}): Promise<SignedStatement> =>
  statement({
    payload: encodeDelegationRevocation(delegation),
    subject: 'urn:attestry:delegation',
    contentType: DELEGATION_REVOCATION_MEDIA_TYPE,
    ...options,
  })

/** A log of delegations, in order. */
const indexOf = (...statements: readonly SignedStatement[]): DelegationIndex =>
  DelegationIndex.from(
    statements.map((about, at) => ({
      leafIndex: 10 + at,
      registrationTime: NOW,
      statement: about,
    })),
  )

let first: SignedStatement
let second: SignedStatement
let third: SignedStatement
let chain: DelegationIndex

beforeAll(async () => {
  first = await delegate()
  const narrower = {
    subjects: ['pkg:npm/@acme/a*'],
    expires: NOW + 60 * day,
    parent: first.entryId,
  }
  second = await delegate({ audience: two.publicKey, ...narrower }, { signer: one })
  third = await delegate(
    {
      audience: three.publicKey,
      ...narrower,
      subjects: ['pkg:npm/@acme/app@*'],
      parent: second.entryId,
    },
    { signer: two },
  )
  chain = indexOf(first, second, third)
})

const app = (by_: Signer, change: StatementOptions = {}): Promise<SignedStatement> =>
  statement({ signer: by_, subject: 'pkg:npm/@acme/app@1.0.0', ...change })

describe('a chain of three', () => {
  it('each link is admitted, and closes its batch', async () => {
    let delegations = DelegationIndex.empty
    for (const [at, link] of [first, second, third].entries()) {
      const decision = await decided(link, { by, delegations })
      expect(decision).toMatchObject({ kind: 'accept', governance: 'delegation' })
      delegations = delegations.with({ leafIndex: at, registrationTime: NOW, statement: link })
    }
  })

  it('each key speaks for the issuer, as far as its link goes', async () => {
    for (const [key, length] of [
      [one, 1],
      [two, 2],
      [three, 3],
    ] as const) {
      const decision = await decided(await app(key), { by, delegations: chain })
      expect(decision).toMatchObject({
        kind: 'accept',
        issuer: 'https://acme.example',
        anchor: { kind: 'cose-key' },
        delegations: [first, second, third].slice(0, length).map(({ entryId }) => entryId),
        standsFrom: 0,
        standsUntil: NOW + (length === 1 ? 90 : 60) * day,
      })
      if (decision.kind === 'accept') expect(decision.anchor).toEqual(anchor)
    }
  })

  const beyond: [string, () => Promise<SignedStatement>, string][] = [
    ['another subject', () => app(three, { subject: 'pkg:npm/@acme/other@1' }), 'anchor-subject'],
    ['another subject in the payload', () => app(three, { payload: provenance({ subjectName: 'pkg:npm/x' }) }), 'anchor-subject'],
    ['another predicate type', () => app(three, { payload: provenance({ predicateType: 'https://x.example' }) }), 'anchor-predicate-type'],
    ['no predicate type', () => app(three, { payload: 'x', contentType: 'text/plain' }), 'anchor-predicate-type'],
    ['another issuer', () => app(three, { issuer: 'https://acme.example/other' }), 'issuer-key'],
    ['a key that holds nothing', () => app(four), 'issuer-key'],
  ] // prettier-ignore
  it.each(beyond)('does not speak beyond it: %s', async (_, make, rule) => {
    expect(ruleOf(await decided(await make(), { by, delegations: chain }))).toBe(rule)
  })

  it('does not speak outside of its time', async () => {
    const about = await app(three)
    const late = { by, delegations: chain, registrationTime: NOW + 60 * day + 1 }
    expect(ruleOf(await decided(about, late))).toBe('delegation-expired')
    const early = indexOf(await delegate({ notBefore: NOW + 1 }))
    expect(ruleOf(await decided(await app(one), { by, delegations: early }))).toBe(
      'delegation-expired',
    )
  })

  it('a wrong signature under the key’s name is refused', async () => {
    const good = await app(three)
    const signature = good.message.signature.map((byte, at) => (at === 9 ? byte ^ 1 : byte))
    const wrong = { ...good, message: { ...good.message, signature } }
    expect(ruleOf(await decided(wrong, { by, delegations: chain }))).toBe('signature')
  })

  it('falls with its anchor, with the anchor’s narrower scope, and with the policy', async () => {
    const about = await app(three)
    const under = async (anchors: readonly TrustAnchor[]): Promise<string> =>
      ruleOf(await decided(about, { by, delegations: chain, anchors }))
    expect(await under([{ ...anchor, kind: 'cose-key', key: four.publicKey }])).toBe(
      'delegation-signer',
    )
    expect(await under([{ ...anchor, subjects: ['pkg:npm/@acme/app@*'] }])).toBe(
      'delegation-signer',
    )
    expect(await under([{ ...anchor, builderIds: ['https://other'] }])).toBe('anchor-builder-id')
    expect(await under([])).toBe('delegation-signer')
    expect(ruleOf(await decided(about, { delegations: chain }))).toBe('issuer-key')
    const shallow = { delegation: { depthMax: 2 } }
    expect(ruleOf(await decided(about, { by: shallow, delegations: chain }))).toBe(
      'delegation-depth',
    )
  })
})

describe('R7: what may not be delegated', () => {
  const child = (
    change: Partial<Delegation>,
    options: StatementOptions = {},
  ): Promise<SignedStatement> =>
    delegate(
      { audience: two.publicKey, expires: NOW + 60 * day, parent: first.entryId, ...change },
      { signer: one, ...options },
    )
  const table: [string, () => Promise<SignedStatement>, string][] = [
    ['the same again', () => child({}), 'accept'],
    ['a widened pattern', () => child({ subjects: ['pkg:npm/*'] }), 'delegation-scope'],
    ['a pattern that is wider at its end', () => child({ subjects: ['pkg:npm/@acme*'] }), 'delegation-scope'],
    ['one pattern inside and one outside', () => child({ subjects: ['pkg:npm/@acme/a', 'x'] }), 'delegation-scope'],
    ['an added predicate', () => child({ predicateTypes: [SLSA_V1, 'https://spdx.dev/Document'] }), 'delegation-scope'],
    ['expiry beyond the parent', () => child({ expires: NOW + 91 * day }), 'delegation-expired'],
    ['expiry in the past', () => child({ expires: NOW - 1 }), 'delegation-expired'],
    ['a missing parent', () => child({ parent: 'ab'.repeat(32) }), 'delegation-parent'],
    ['a parent of another issuer', () => child({}, { issuer: 'https://acme.example/b' }), 'delegation-parent'],
    ['signed by another key than the parent’s', () => child({}, { signer: four }), 'delegation-signer'],
    ['signed by the issuer in the parent’s name', () => child({}, { signer }), 'delegation-signer'],
    ['a cycle of one: to the same key', () => child({ audience: one.publicKey }), 'delegation-cycle'],
    ['a cycle of two: back to the issuer', () => child({ audience: signer.publicKey }), 'delegation-cycle'],
    ['the issuer to itself', () => delegate({ audience: signer.publicKey }), 'delegation-cycle'],
    ['by nobody', () => delegate({}, { signer: four }), 'delegation-signer'],
    ['a hash envelope', () => delegate({}, { hash: 'SHA-256' }), 'delegation-form'],
    ['no delegation', () => delegate({}, { payload: '{}' }), 'delegation-form'],
    ['an algorithm that is not listed', () => delegate({}, { signer: testSigner('EdDSA') }), 'algorithm'],
  ] // prettier-ignore
  it.each(table)('%s', async (_, make, rule) => {
    expect(ruleOf(await decided(await make(), { by, delegations: indexOf(first) }))).toBe(rule)
  })

  it('beyond what the anchor allows', async () => {
    const anchors = [
      { ...anchor, subjects: ['pkg:npm/@acme/app@*'], predicateTypes: ['https://slsa.dev/*'] },
    ]
    expect(ruleOf(await decided(first, { by, anchors }))).toBe('delegation-scope')
    const inside = await delegate({ subjects: ['pkg:npm/@acme/app@1*'] })
    expect(ruleOf(await decided(inside, { by, anchors }))).toBe('accept')
  })

  it('deeper than the policy allows, and a cycle of three', async () => {
    const inside = { subjects: ['pkg:npm/@acme/app@*'], expires: NOW + day, parent: third.entryId }
    const deep = await delegate({ audience: four.publicKey, ...inside }, { signer: three })
    expect(ruleOf(await decided(deep, { by, delegations: chain }))).toBe('delegation-depth')
    const cycle = await delegate({ audience: one.publicKey, ...inside }, { signer: three })
    expect(ruleOf(await decided(cycle, { by, delegations: chain }))).toBe('delegation-cycle')
  })

  it('anything, where the policy has no delegation', async () => {
    expect(ruleOf(await decided(first))).toBe('delegation-disabled')
    expect(ruleOf(await decided(await revoke(first.entryId)))).toBe('delegation-disabled')
  })
})

describe('revocation', () => {
  it('of the middle ends what hangs from it, and not what is above or was before', async () => {
    const before = chain
    const revocation = await revoke(second.entryId)
    expect(await decided(revocation, { by, delegations: before })).toMatchObject({
      kind: 'accept',
      governance: 'delegation-revocation',
    })
    const after = before.with({ leafIndex: 20, registrationTime: NOW, statement: revocation })
    const about = await app(three)
    const answer = await decided(about, { by, delegations: after })
    expect(answer).toMatchObject({
      rule: 'delegation-revoked',
      reason: expect.stringMatching(/entry 11.*entry 20/),
    })
    expect(ruleOf(await decided(await app(two), { by, delegations: after }))).toBe(
      'delegation-revoked',
    )
    expect(ruleOf(await decided(await app(one), { by, delegations: after }))).toBe('accept')
    // Entries below the revocation are replayed under the index of their time, and stay.
    expect(ruleOf(await decided(about, { by, delegations: before }))).toBe('accept')
    const passedOn = await delegate(
      {
        audience: four.publicKey,
        subjects: ['pkg:npm/@acme/a'],
        expires: NOW + day,
        parent: second.entryId,
      },
      { signer: two },
    )
    expect(ruleOf(await decided(passedOn, { by, delegations: after }))).toBe('delegation-revoked')
  })

  it.each([
    ['the issuer', (): Signer => signer, 'accept'],
    ['the holder of the first link', (): Signer => one, 'accept'],
    ['the holder of the second link', (): Signer => two, 'accept'],
    ['its own holder', (): Signer => three, 'delegation-signer'],
    ['anybody else', (): Signer => four, 'delegation-signer'],
  ])('of the last link by %s', async (_, by_, rule) => {
    const about = await revoke(third.entryId, { signer: by_() })
    expect(ruleOf(await decided(about, { by, delegations: chain }))).toBe(rule)
  })

  it('is refused for what is not there, another issuer’s, or revoked already', async () => {
    const twice = await revoke(second.entryId, { issuedAt: NOW })
    const after = chain.with({ leafIndex: 20, registrationTime: NOW, statement: twice })
    const cases: [SignedStatement, DelegationIndex, string][] = [
      [await revoke('cd'.repeat(32)), chain, 'delegation-parent'],
      [
        await revoke(first.entryId, { issuer: 'https://acme.example/b' }),
        chain,
        'delegation-parent',
      ],
      [await revoke(second.entryId), after, 'delegation-revoked'],
      [await revoke(first.entryId, { payload: '{"version":1}' }), chain, 'delegation-form'],
    ]
    for (const [about, delegations, rule] of cases) {
      expect(ruleOf(await decided(about, { by, delegations }))).toBe(rule)
    }
  })
})

describe('the documents', () => {
  it('encode and parse', () => {
    const payload = first.message.payload!
    expect(encodeDelegation(parseDelegation(payload))).toEqual(payload)
    expect(keyThumbprint(parseDelegation(payload).audience)).toEqual(keyThumbprint(one.publicKey))
    expect(parseDelegationRevocation(encodeDelegationRevocation('ab'.repeat(32)))).toBe(
      'ab'.repeat(32),
    )
  })

  const good = (): Record<string, unknown> =>
    JSON.parse(new TextDecoder().decode(first.message.payload!)) as Record<string, unknown>
  it.each([
    ['an unknown member', { x: 1 }],
    ['another version', { version: 2 }],
    ['no subjects', { subjects: [] }],
    ['too many subjects', { subjects: Array(65).fill('a') }],
    ['a time that is a text', { expires: '1' }],
    ['a time with a fraction', { expires: NOW + 0.5 }],
    ['an end before the beginning', { notBefore: NOW + 91 * day }],
    ['a key that is none', { audience: 'oA' }],
    ['a parent in capitals', { parent: 'AB'.repeat(32) }],
    ['a parent that is null', { parent: null }],
  ])('refuse %s', (_, change) => {
    const bytes = encodeUtf8(JSON.stringify({ ...good(), ...change }))
    expect(() => parseDelegation(bytes)).toThrow(
      expect.objectContaining({ code: 'ERR_PAYLOAD_MALFORMED' }) as Error,
    )
  })
})

describe('the index', () => {
  it('passes over what is no delegation, and survives parents that go round', async () => {
    const wrong = await delegate({}, { payload: '{}' })
    const index = indexOf(await statement(), wrong, first)
    expect(index.find(first.entryId)?.leafIndex).toBe(12)
    expect(index.find(wrong.entryId)).toBeUndefined()
    // No honest entry id can do this: a parent is named by a hash over the child's parent.
    const loop = { ...second, entryId: first.entryId, headers: first.headers }
    const round = indexOf({ ...loop, entryId: first.entryId })
    const found = round.find(first.entryId)!
    expect(round.chainOf(found)).toBeUndefined()
  })
})
