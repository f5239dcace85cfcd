import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { decide } from '../../src/policy/decide.ts'
import type { Decision } from '../../src/policy/decision.ts'
import {
  changesDecisions,
  REGISTRATION_JOURNAL_MEDIA_TYPE,
  REGISTRATION_POLICY_MEDIA_TYPE,
  TRUST_ANCHORS_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import { encodeRegistrationJournal } from '../../src/policy/registration-journal.ts'
import {
  encodeRegistrationPolicy,
  encodeTrustAnchorsDocument,
} from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { NO_RULES, rulesAfter } from '../../src/policy/rules-in-force.ts'
import type { AdmittedEntry, Rules } from '../../src/policy/rules-in-force.ts'
import type { SignedStatement } from '../../src/statement/signed-statement.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { testSigner } from '../support/test-signer.ts'
import {
  anchor,
  decided,
  LOG,
  NOW,
  operator,
  policy,
  provenance,
  ruleOf,
  statement,
} from './fixture.ts'
import type { StatementOptions } from './fixture.ts'

const registrar = testSigner()
const next = testSigner()

const governance = (options: StatementOptions = {}): Promise<SignedStatement> =>
  statement({
    payload: encodeRegistrationPolicy({ ...policy, operatorKeys: [next.publicKey] }),
    issuer: LOG.issuer,
    subject: 'urn:attestry:registration-policy',
    contentType: REGISTRATION_POLICY_MEDIA_TYPE,
    signer: operator,
    ...options,
  })

describe('governance statements', () => {
  it('are admitted by the operator key, whatever algorithms issuers may use', async () => {
    expect(policy.algorithms).not.toContain('EdDSA')
    expect(await decided(await governance())).toMatchObject({
      kind: 'accept',
      governance: 'policy',
      issuer: LOG.issuer,
      collateralUsed: {},
      standsFrom: 0,
      standsUntil: Number.MAX_SAFE_INTEGER,
    })
    const anchors = await governance({
      payload: encodeTrustAnchorsDocument([]),
      contentType: TRUST_ANCHORS_MEDIA_TYPE,
    })
    expect(await decided(anchors)).toMatchObject({ kind: 'accept', governance: 'trust-anchors' })
  })

  it('rotate the operator key: the old one admits the new one, which then is the only one', async () => {
    const by = { operatorKeys: [next.publicKey] }
    expect(ruleOf(await decided(await governance({ issuedAt: NOW }), { by }))).toBe('governance')
    expect(ruleOf(await decided(await governance({ signer: next }), { by }))).toBe('accept')
  })

  const policyOf = (change: object): Uint8Array =>
    encodeUtf8(
      JSON.stringify({
        ...(JSON.parse(new TextDecoder().decode(encodeRegistrationPolicy(policy))) as object),
        ...change,
      }),
    )
  const condition = { conditions: [{ name: 'c', cel: 'true' }] }
  const cases: [string, StatementOptions, string][] = [
    ['a key that is not the operator’s', { signer: testSigner() }, 'governance'],
    ['the registrar key', { signer: registrar }, 'governance'],
    ['another issuer', { issuer: 'https://other.example' }, 'governance'],
    ['a hash envelope', { hash: 'SHA-256' }, 'governance'],
    ['a policy that does not parse', { payload: '{}' }, 'governance'],
    ['a policy for another evaluator', { payload: policyOf({ ...condition, celEvaluator: '@marcbachmann/cel-js@7.6.1' }) }, 'governance'],
    ['a policy with conditions and no evaluator', { payload: policyOf(condition) }, 'governance'],
    ['anchors under the policy’s type', { payload: encodeTrustAnchorsDocument([]) }, 'governance'],
  ] // prettier-ignore
  it.each(cases)('are refused: %s', async (_, options, rule) => {
    const by = { registrarKeys: [registrar.publicKey] }
    const decision = await decided(await governance(options), { by })
    expect(ruleOf(decision)).toBe(rule)
  })

  it('are refused with a wrong signature', async () => {
    const good = await governance()
    const signature = good.message.signature.map((byte, at) => (at === 9 ? byte ^ 1 : byte))
    const wrong = { ...good, message: { ...good.message, signature } }
    expect(ruleOf(await decided(wrong))).toBe('signature')
  })

  it('are refused where nobody says who the log is', async () => {
    const verifier = nodeSignatureVerifier
    const options = { policy, anchors: [anchor], registrationTime: NOW, verifier }
    expect(ruleOf(await decide({ statement: await governance(), ...options }))).toBe('governance')
  })
})

describe('journals', () => {
  const journal = (options: StatementOptions = {}): Promise<SignedStatement> =>
    statement({
      payload: encodeRegistrationJournal({
        ...{ from: 2, to: 3, collateral: [], submitters: [] },
        times: [{ leafIndex: 2, registrationTime: NOW }],
      }),
      issuer: LOG.issuer,
      subject: LOG.origin,
      contentType: REGISTRATION_JOURNAL_MEDIA_TYPE,
      signer: registrar,
      ...options,
    })
  const by = { registrarKeys: [registrar.publicKey] }

  it('are the registrar’s alone, and change no decision', async () => {
    const decision = await decided(await journal(), { by })
    expect(decision).toMatchObject({ kind: 'accept', governance: 'journal' })
    expect(changesDecisions('journal')).toBe(false)
    for (const [options, policyChange] of [
      [{ signer: operator }, by],
      [{ payload: '{"version":1}' }, by],
      [{ subject: 'other.example/1' }, by],
      [{ issuer: 'https://acme.example' }, by],
      [{}, {}],
    ] as const) {
      expect(ruleOf(await decided(await journal(options), { by: policyChange }))).toBe('governance')
    }
  })
})

describe('replay: P1, P2 and P3 in the stream', () => {
  const P1: RegistrationPolicy = { ...policy, predicateTypes: ['https://slsa.dev/*'] }
  const P2: RegistrationPolicy = {
    ...P1,
    operatorKeys: [next.publicKey],
    requiredClaims: ['iat'],
  }
  const P3: RegistrationPolicy = { ...P2, predicateTypes: ['https://spdx.dev/*'] }
  const slsa = (n: number, iat = false): StatementOptions => ({
    subject: `pkg:npm/@acme/a@${n}`,
    ...(iat ? { issuedAt: NOW } : {}),
  })
  const spdx = (n: number): StatementOptions => ({
    ...slsa(n, true),
    payload: provenance({ predicateType: 'https://spdx.dev/Document' }),
  })

  /** What was posted, and what has to come of it. */
  const stream: [() => Promise<SignedStatement>, string][] = [
    [() => statement(slsa(1)), 'accept'],
    [() => statement(spdx(2)), 'predicate-type'],
    [() => governance({ payload: encodeRegistrationPolicy(P2) }), 'accept'],
    [() => statement(slsa(3)), 'required-claim'],
    [() => statement(slsa(4, true)), 'accept'],
    // The first operator key has no say any more.
    [() => governance({ payload: encodeRegistrationPolicy(P1), issuedAt: NOW }), 'governance'],
    [() => governance({ payload: encodeRegistrationPolicy(P3), signer: next }), 'accept'],
    [() => statement(slsa(5, true)), 'predicate-type'],
    [() => statement(spdx(6)), 'accept'],
  ]

  it('every entry is decided as it was, from entries alone, and a bypass is the one that differs', async () => {
    const log: AdmittedEntry[] = []
    const push = (about: SignedStatement): number =>
      log.push({ leafIndex: log.length, registrationTime: NOW, statement: about })
    push(await governance({ payload: encodeRegistrationPolicy(P1) }))
    push(
      await governance({
        payload: encodeTrustAnchorsDocument([anchor]),
        contentType: TRUST_ANCHORS_MEDIA_TYPE,
      }),
    )
    let rules: Rules = log.reduce(rulesAfter, NO_RULES)
    for (const [make, expected] of stream) {
      const about = await make()
      const decision = await under(rules, about)
      expect(ruleOf(decision)).toBe(expected)
      if (decision.kind === 'accept') {
        push(about)
        rules = rulesAfter(rules, log.at(-1)!)
      }
    }
    expect(await replay(log)).toEqual([])
    expect(rules.policyIndex).toBe(5)

    // Index 3 is P2, 4 is under P2: without iat it could only have been let in past the policy.
    const bypassed = [...log.slice(0, 4), { ...log[4]!, statement: await statement(slsa(8)) }, ...log.slice(5)] // prettier-ignore
    expect(await replay(bypassed)).toEqual(['4: required-claim'])
  })

  /** The entries that the rules of their time do not admit. */
  async function replay(log: readonly AdmittedEntry[]): Promise<string[]> {
    let rules: Rules = NO_RULES
    const differences: string[] = []
    for (const entry of log) {
      if (entry.leafIndex >= 2) {
        const rule = ruleOf(await under(rules, entry.statement))
        if (rule !== 'accept') differences.push(`${entry.leafIndex}: ${rule}`)
      }
      rules = rulesAfter(rules, entry)
    }
    return differences
  }

  async function under(rules: Rules, about: SignedStatement): Promise<Decision> {
    const { policy: by, anchors, delegations } = rules
    return decided(about, { by: by!, anchors, delegations })
  }
})
