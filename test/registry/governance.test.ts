/**
 * Rules that change while the log is in use (D4): the rules for entry i are those after all entries
 * below i, whatever was waiting or being decided when they changed; and a start finds the same ones.
 */
import { describe, expect, it } from 'vitest'
import { readRules } from '../../src/app/rules.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { PolicyError } from '../../src/errors.ts'
import { decide } from '../../src/policy/decide.ts'
import { encodeDelegation } from '../../src/policy/delegation.ts'
import { DELEGATION_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { NO_RULES, rulesAfter } from '../../src/policy/rules-in-force.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import {
  createGate,
  ISSUER,
  LOG_ISSUER,
  LOG_ORIGIN,
  START_TIME,
  TestRegistry,
} from '../support/test-registry.ts'
import { overlay } from '../support/overlay.ts'
import { testSigner } from '../support/test-signer.ts'

const slow = process.env['ATTESTRY_SLOW'] === '1'

/** Decides every entry again from the tree alone; indexes of those that do not come out as admitted. */
async function misdecided({ log }: TestRegistry): Promise<number[]> {
  const wrong: number[] = []
  let rules = NO_RULES
  for (let index = 0; index < log.currentHead().treeHead.treeSize; index++) {
    const statement = parseSignedStatement(await log.readEntry(leafIndex(index)))
    const { registrationTime } = (await log.firstHeadCovering(leafIndex(index)))!
    if (index >= 2) {
      const decision = await decide({
        ...{ statement, registrationTime, verifier: nodeSignatureVerifier },
        ...{ ...rules, policy: rules.policy! },
        log: { issuer: LOG_ISSUER, origin: LOG_ORIGIN },
      })
      if (decision.kind !== 'accept') wrong.push(index)
    }
    rules = rulesAfter(rules, { leafIndex: index, registrationTime, statement })
  }
  return wrong
}

describe('a policy statement', () => {
  it('is in force from the entry behind its own on', async () => {
    const service = await TestRegistry.create()
    await service.registry.register(await service.statement(1))
    await service.registry.register(await service.policyStatement({ contentTypes: ['text/plain'] }))
    expect(service.log.policyIndex).toBe(3)
    await expect(service.registry.register(await service.statement(2))).rejects.toMatchObject({
      code: 'ERR_POLICY_REJECTED',
      rule: 'content-type',
    })
    await service.registry.register(await service.statement(3, { contentType: 'text/plain' }))
    // A stored duplicate is answered before policy.
    await service.registry.register(await service.statement(3, { contentType: 'text/plain' }))
    expect(await misdecided(service)).toEqual([])
    await service.close()
  })

  it('decides about what was waiting when it was committed', async () => {
    const service = await TestRegistry.create()
    const policy = await service.policyStatement({ contentTypes: ['text/plain'] })
    const statements = await Promise.all([1, 2, 3].map((n) => service.statement(n)))
    const changed = service.registry.register(policy)
    // Admitted under the old policy, or waiting for the commit of the new one.
    const settled = await Promise.allSettled(
      statements.map((statement) => service.registry.register(statement)),
    )
    await changed
    for (const one of settled) {
      if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(PolicyError)
    }
    expect(await misdecided(service)).toEqual([])
    await service.close()
  })

  it.each([true, false])(
    'decides again about what was being decided when it was committed (compared: %s)',
    async (compared) => {
      const gate = createGate()
      let held = 0
      const service = await TestRegistry.create({
        verifier: {
          verify: async (request) => {
            if (held-- > 0) await gate.opened
            return nodeSignatureVerifier.verify(request)
          },
        },
      })
      const { log } = service
      const append = log.append.bind(log)
      // Without the comparison of the policy index at the commit it would be in: that is the control.
      if (!compared) log.append = ({ policyIndex: _, ...candidate }) => append(candidate)
      held = 1
      const deciding = service.registry.register(await service.statement(1))
      const settled = Promise.allSettled([deciding])
      await new Promise(setImmediate)
      await service.registry.register(
        await service.policyStatement({ contentTypes: ['text/plain'] }),
      )
      gate.open()
      const [outcome] = await settled
      expect(outcome.status).toBe(compared ? 'rejected' : 'fulfilled')
      expect(await misdecided(service)).toEqual(compared ? [] : [3])
      await service.close()
    },
  )

  it('by another key than an operator of the policy in force is refused, also after a rotation', async () => {
    const service = await TestRegistry.create()
    const other = testSigner()
    const late = await service.policyStatement({ contentTypes: ['a/b'] })
    await service.registry.register(
      await service.policyStatement({ operatorKeys: [other.publicKey] }),
    )
    await expect(service.registry.register(late)).rejects.toMatchObject({
      code: 'ERR_POLICY_GOVERNANCE',
    })
    expect(service.refusals.at(-1)).toMatchObject({ rule: 'governance' })
    await service.close()
  })

  it(`never lets an entry in under other rules than those below it, ${slow ? 10_000 : 300} times under load`, async () => {
    const changes = slow ? 10_000 : 300
    const service = await TestRegistry.create()
    let number = 0
    const tally = { admitted: 0, refused: 0 }
    const post = async (contentType: string): Promise<void> => {
      const statement = await service.statement(number++, { contentType })
      try {
        await service.registry.register(statement)
        tally.admitted++
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error
        tally.refused++
      }
    }
    for (let change = 0; change < changes; change++) {
      const contentTypes = [change % 2 === 0 ? 'text/even' : 'text/odd']
      const policy = await service.policyStatement({ contentTypes }, START_TIME + change)
      // At the same moment; the log decides who is first.
      const load = ['text/even', 'text/odd', 'text/even', 'text/odd'].map(post)
      if (change % 3 === 0) await new Promise(setImmediate)
      await Promise.all([service.registry.register(policy), ...load])
    }
    expect(service.fatal).toEqual([])
    expect(tally.admitted).toBeGreaterThan(changes / 2)
    expect(tally.refused).toBeGreaterThan(changes / 2)
    expect(await misdecided(service)).toEqual([])
    await service.close()
  }, 600_000)
})

describe('rules at a start', () => {
  it('are those that the running log had', async () => {
    const service = await TestRegistry.create()
    const delegate = testSigner()
    await service.registry.register(await service.policyStatement({ delegation: { depthMax: 2 } }))
    const delegation = await service.statement(1, {
      contentType: DELEGATION_MEDIA_TYPE,
      payload: encodeDelegation({
        audience: delegate.publicKey,
        subjects: ['pkg:npm/demo@*'],
        predicateTypes: ['*'],
        notBefore: START_TIME - 10,
        expires: START_TIME + 1000,
      }),
    })
    await service.registry.register(delegation)
    await service.registry.register(
      await service.policyStatement({ delegation: { depthMax: 1 } }, START_TIME + 1),
    )
    await service.registry.register(await service.statement(5, { signer: delegate }))
    const [running, started] = [service.ports.rules(), await readRules(service.log)]
    expect(started.policyIndex).toBe(4)
    expect(started.policyIndex).toBe(running.policyIndex)
    expect(started.policy).toEqual(running.policy)
    expect(started.anchors).toEqual(running.anchors)
    const keyId = delegate.publicKey.kid!
    expect(started.delegations.to(ISSUER, keyId)).toEqual(running.delegations.to(ISSUER, keyId))
    expect(started.delegations.to(ISSUER, keyId)).toHaveLength(1)
    expect(await misdecided(service)).toEqual([])
    await service.close()
  })

  it('refuse a log whose store lost one of them', async () => {
    const service = await TestRegistry.create()
    await service.registry.register(await service.policyStatement({}))
    const log = overlay(service.log)
    log.findLastGovernance = async (kind) => leafIndex(kind === 'policy' ? 0 : 1)
    await expect(readRules(log)).rejects.toMatchObject({ code: 'ERR_LOG_CORRUPT' })
    await service.close()
  })
})
