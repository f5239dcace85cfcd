/** Many statements in one request: each on its own, in order, and none fails another. */
import type { Server } from 'node:http'
import supertest from 'supertest'
import type { Test } from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { decodeCbor } from '../../src/cbor/decode.ts'
import type { CborMap } from '../../src/cbor/decode.ts'
import { splitCborSequence } from '../../src/cbor/sequence.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'
import { binary, bytesOf, problemOf } from './problem-body.ts'

const open: TestRegistry[] = []
async function create(
  options: TestRegistryOptions = {},
): Promise<{ service: TestRegistry; server: Server }> {
  const service = await TestRegistry.create(options)
  open.push(service)
  return { service, server: (await service.listen()).server }
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

function post(
  server: Server,
  statements: readonly Uint8Array[],
  type = 'application/cbor-seq',
): Test {
  const test = supertest(server).post('/batches').set('Content-Type', type)
  return binary(test.send(Buffer.from(concatBytes(...statements))))
}

function resultsOf(body: Uint8Array): CborMap[] {
  const items = splitCborSequence(body, { itemsMax: 1000, itemBytesMax: 100_000 })
  return items.map((item) => decodeCbor(item) as CborMap)
}

const statementsOf = (service: TestRegistry, count: number): Promise<Uint8Array[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => service.statement(at + 1)))

/** A statement whose signature does not hold. */
function broken(statement: Uint8Array): Uint8Array {
  const copy = statement.slice()
  copy[copy.length - 1]! ^= 1
  return copy
}

describe('POST /batches', () => {
  it('answers each statement with a Receipt that verifies, in their order', async () => {
    const { service, server } = await create()
    const statements = await statementsOf(service, 20)
    const response = await post(server, statements)
    expect(response.status).toBe(200)
    expect(response.headers['content-type']).toBe('application/cbor-seq')
    const results = resultsOf(bytesOf(response))
    expect(results).toHaveLength(20)
    const indexes = new Set<bigint>()
    for (const [at, result] of results.entries()) {
      const { entry, entryId } = parseSignedStatement(statements[at]!)
      expect(result.get('status')).toBe(201)
      expect(result.get('entry')).toBe(entryId)
      const { leafIndex } = await verifyInclusionReceipt({
        receipt: parseReceipt(result.get('receipt') as Uint8Array),
        entry,
        key: service.serviceSigner.publicKey,
        leafRule: 'entry',
        requireTreeSizeClaim: true,
        verifier: nodeSignatureVerifier,
      })
      indexes.add(BigInt(leafIndex))
    }
    expect(indexes.size).toBe(20)
    // One batch of the log, two governance statements before it.
    expect(service.log.currentHead().treeHead.treeSize).toBe(22)
  })

  it('registers what it can, and says for the rest what is wrong with it', async () => {
    const { service, server } = await create()
    const [one, two, three] = (await statementsOf(service, 3)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    const garbage = Uint8Array.from([0x83, 1, 2, 3])
    const response = await post(server, [one, broken(two), garbage, three, one])
    const results = resultsOf(bytesOf(response))
    expect(results.map((result) => result.get('status'))).toEqual([201, 400, 400, 201, 201])
    const codes = [1, 2].map((at) => {
      const problem = results[at]!.get('problem') as CborMap
      return (problem.get('https://attestry.dev/problem') as CborMap).get(0)
    })
    expect(codes).toEqual(['ERR_POLICY_REJECTED', 'ERR_COSE_STRUCTURE'])
    expect(results[4]!.get('entry')).toBe(results[0]!.get('entry'))
    expect(service.log.currentHead().treeHead.treeSize).toBe(4)
  })

  it('registers nothing of a body that is no sequence', async () => {
    const { service, server } = await create()
    const [one, two] = (await statementsOf(service, 2)) as [Uint8Array, Uint8Array]
    const refused = problemOf(
      await post(server, [one, two.subarray(0, two.length - 1)]).set(
        'Accept',
        'application/concise-problem-details+cbor',
      ),
    )
    expect(refused).toMatchObject({ status: 400, code: 'ERR_CBOR_MALFORMED' })
    expect(service.log.currentHead().treeHead.treeSize).toBe(2)
  })

  it.each([
    ['nothing', 0, {}, 400, 'ERR_REQUEST'],
    ['too many statements', 3, { batchStatementsMax: 2 }, 400, 'ERR_CBOR_LIMIT'],
    ['too many bytes', 2, { batchBytesMax: 300 }, 413, 'ERR_BODY_TOO_LARGE'],
    [
      'more than may be in flight',
      3,
      { registrationsInFlightMax: 2, batchBytesMax: 1000 },
      503,
      'ERR_QUEUE_FULL',
    ],
  ])('refuses %s, and nothing is registered', async (_, count, limits, status, code) => {
    const { service, server } = await create({ limits })
    const statements = await statementsOf(service, count)
    for (let turn = 0; turn < 2; turn++) {
      const response = await post(server, statements).set(
        'Accept',
        'application/concise-problem-details+cbor',
      )
      expect(problemOf(response)).toMatchObject({ status, code })
    }
    expect(service.log.currentHead().treeHead.treeSize).toBe(2)
  })

  it('takes no other type', async () => {
    const { service, server } = await create()
    const response = await post(server, await statementsOf(service, 1), 'application/cose')
    expect(response.status).toBe(415)
  })

  it('counts as many registrations as it holds', async () => {
    const registrationRate = {
      totalPerSecond: 1000,
      perClientPerSecond: 2,
      loopbackIsExempt: false,
    }
    const { service, server } = await create({ limits: { registrationRate } })
    const statements = await statementsOf(service, 10)
    expect((await post(server, statements)).status).toBe(200)
    const refused = await post(server, statements)
    expect(refused.status).toBe(429)
    // One of two tokens was left for ten: nine are owed, at two a second.
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(4)
  })
})
