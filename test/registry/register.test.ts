import { afterEach, describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { PolicyError, UnavailableError } from '../../src/errors.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { createGate, ISSUER, TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'

const open: TestRegistry[] = []
async function create(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const created = await TestRegistry.create(options)
  open.push(created)
  return created
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function verified(
  service: TestRegistry,
  statement: Uint8Array,
  receipt: Uint8Array,
): Promise<{ treeSize: number; leafIndex: number }> {
  const { treeSize, leafIndex } = await verifyInclusionReceipt({
    receipt: parseReceipt(receipt),
    entry: parseSignedStatement(statement).entry,
    key: service.serviceSigner.publicKey,
    leafRule: 'entry',
    requireTreeSizeClaim: true,
    verifier: nodeSignatureVerifier,
  })
  return { treeSize: Number(treeSize), leafIndex: Number(leafIndex) }
}

async function registered(service: TestRegistry, statement: Uint8Array): Promise<Uint8Array> {
  const result = await service.registry.register(statement)
  if (result.status !== 'registered') throw new Error(`expected a Receipt, got ${result.status}`)
  return result.receipt
}

describe('register', () => {
  it('answers with a Receipt that verifies over the canonical entry', async () => {
    const service = await create()
    const statement = await service.statement(1)
    const receipt = await registered(service, statement)
    expect(await verified(service, statement, receipt)).toEqual({ treeSize: 3, leafIndex: 2 })
  })

  it('names the log as iss and its origin as sub, whatever the statement says', async () => {
    const service = await create()
    const receipt = await registered(service, await service.statement(1))
    expect(parseReceipt(receipt).claims).toMatchObject({
      issuer: 'https://log.example/1',
      subject: 'log.example/1',
      treeSize: 3,
    })
  })

  it('answers a stored duplicate with the Receipt that the first one had', async () => {
    const service = await create()
    const statement = await service.statement(1)
    const first = await registered(service, statement)
    await registered(service, await service.statement(2))
    const receipt = await registered(service, statement)
    expect(receipt).toEqual(first)
    expect(await verified(service, statement, receipt)).toEqual({ treeSize: 3, leafIndex: 2 })
  })

  it('answers a stored duplicate before policy: nothing is verified again', async () => {
    let verifications = 0
    const service = await create({
      verifier: {
        verify: (request) => {
          verifications += 1
          return nodeSignatureVerifier.verify(request)
        },
      },
    })
    const statement = await service.statement(1)
    await registered(service, statement)
    await registered(service, statement)
    expect(verifications).toBe(1)
  })

  it('registers a Transparent Statement as the entry that it is made of', async () => {
    const service = await create()
    const statement = await service.statement(1)
    const receipt = await registered(service, statement)
    const again = await service.registry.register(attachReceipts(statement, [receipt]))
    expect(again).toMatchObject({ entryId: parseSignedStatement(statement).entryId })
    expect(service.log.currentHead().treeHead.treeSize).toBe(3)
  })

  it('gives two issuers with the same payload two entries', async () => {
    const service = await create()
    await registered(service, await service.statement(1))
    await registered(service, await service.statement(1, { issuer: `${ISSUER}/other` }))
    expect(service.log.currentHead().treeHead.treeSize).toBe(4)
  })

  it('refuses an issuer that no anchor speaks for, and keeps the refusal', async () => {
    const service = await create()
    const statement = await service.statement(1, { issuer: 'https://else.example' })
    await expect(service.registry.register(statement)).rejects.toMatchObject({
      code: 'ERR_POLICY_REJECTED',
      rule: 'issuer-unknown',
    })
    expect(service.refusals).toMatchObject([
      { rule: 'issuer-unknown', issuer: 'https://else.example' },
    ])
    expect(service.log.currentHead().treeHead.treeSize).toBe(2)
  })

  it('refuses a statement whose signature does not verify', async () => {
    const service = await create()
    const statement = await service.statement(1)
    statement[statement.length - 1]! ^= 1
    await expect(service.registry.register(statement)).rejects.toMatchObject({ rule: 'signature' })
  })

  it('refuses a governance statement, also of the right issuer', async () => {
    const service = await create()
    const contentType = 'application/vnd.attestry.registration-policy+json'
    const refusal = service.registry.register(await service.statement(1, { contentType }))
    await expect(refusal).rejects.toBeInstanceOf(PolicyError)
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_POLICY_GOVERNANCE' })
  })

  it('joins 50 copies in flight to one entry with 50 equal Receipts', async () => {
    const service = await create()
    const statement = await service.statement(1)
    const results = await Promise.all(
      Array.from({ length: 50 }, () => registered(service, statement)),
    )
    expect(service.log.currentHead().treeHead.treeSize).toBe(3)
    for (const receipt of results) expect(equalBytes(receipt, results[0]!)).toBe(true)
  })

  it('does not fail a good copy because of a bad one in flight', async () => {
    const other = testSigner()
    const service = await create()
    const good = await service.statement(1)
    const bad = await service.statement(1, {
      signer: { ...other, publicKey: service.signer.publicKey },
    })
    const [ok, refused] = await Promise.allSettled([
      service.registry.register(good),
      service.registry.register(bad),
    ])
    expect(ok.status).toBe('fulfilled')
    expect(refused.status).toBe('rejected')
  })

  it('says pending when the entry is committed and its head is not signed in time', async () => {
    const service = await create({ answerWithinMs: 20 })
    const statement = await service.statement(1)
    const gate = createGate()
    service.hold.signing = gate
    const { entryId } = parseSignedStatement(statement)
    expect(await service.registry.register(statement)).toEqual({ status: 'pending', entryId })
    expect(await service.registry.resolveReceipt(entryId)).toEqual({ status: 'pending' })
    expect(await service.registry.register(statement)).toEqual({ status: 'pending', entryId })
    gate.open()
    service.hold.signing = undefined
    const receipt = await registered(service, statement)
    expect(await verified(service, statement, receipt)).toMatchObject({ leafIndex: 2 })
  })

  it('promises nothing when the entry is not committed in time', async () => {
    const service = await create({ answerWithinMs: 20 })
    service.hold.committing = createGate()
    const refusal = service.registry.register(await service.statement(1))
    await expect(refusal).rejects.toBeInstanceOf(UnavailableError)
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  })

  it('decides again when a decision is stale, and gives up after three', async () => {
    const service = await create()
    let appended = 0
    const stale = new UnavailableError('ERR_DECISION_STALE', 'stale')
    const append = service.log.append.bind(service.log)
    service.log.append = (candidate) => {
      appended += 1
      return appended < 3 ? Promise.reject(stale) : append(candidate)
    }
    await registered(service, await service.statement(1))
    expect(appended).toBe(3)

    service.log.append = () => Promise.reject(stale)
    const refusal = service.registry.register(await service.statement(2))
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_DECISION_STALE' })
  })
})
