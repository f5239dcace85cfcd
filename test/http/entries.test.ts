import type { Server } from 'node:http'
import supertest from 'supertest'
import type { Test } from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { encodeSign1, signSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { issueCertificate, makeCa } from '../support/test-pki.ts'
import { createGate, ISSUER, START_TIME, TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'
import { signerFor, testSigner } from '../support/test-signer.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
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

function post(server: Server, body: Uint8Array, type = 'application/cose'): Test {
  const test = supertest(server).post('/entries').set('Content-Type', type)
  return binary(test.send(Buffer.from(body)))
}

function get(server: Server, path: string): Test {
  return binary(supertest(server).get(path))
}

/** Verifies that `receipt` is one for `statement`; returns the leaf index. */
async function verifiedIndex(
  service: TestRegistry,
  statement: Uint8Array,
  receipt: Uint8Array,
): Promise<number> {
  const { leafIndex } = await verifyInclusionReceipt({
    receipt: parseReceipt(receipt),
    entry: parseSignedStatement(statement).entry,
    key: service.serviceSigner.publicKey,
    leafRule: 'entry',
    requireTreeSizeClaim: true,
    verifier: nodeSignatureVerifier,
  })
  return Number(leafIndex)
}

describe('POST /entries', () => {
  it('answers 201 with a Receipt and the Location of the entry', async () => {
    const { service, server } = await create()
    const statement = await service.statement(1)
    const response = await post(server, statement)
    expect(response.status).toBe(201)
    expect(response.headers['content-type']).toBe('application/cose')
    expect(response.headers['location']).toBe(`/entries/${parseSignedStatement(statement).entryId}`)
    expect(await verifiedIndex(service, statement, bytesOf(response))).toBe(2)
  })

  it.each([
    ['application/cose', 'application/cose'],
    ['application/scitt-receipt+cose', 'application/scitt-receipt+cose'],
    ['application/cose, application/scitt-receipt+cose', 'application/cose'],
    ['application/cose;q=0.5, application/scitt-receipt+cose', 'application/scitt-receipt+cose'],
    ['application/cbor', 'application/cose'],
    ['*/*', 'application/cose'],
  ])('answers Accept %s with %s', async (accept, type) => {
    const { service, server } = await create()
    const response = await post(server, await service.statement(1)).set('Accept', accept)
    expect(response.status).toBe(201)
    expect(response.headers['content-type']).toBe(type)
  })

  it.each([
    'application/cose; cose-type="cose-sign1"',
    'application/cose;cose-type=cose-sign1',
    'APPLICATION/COSE',
    'application/scitt-statement+cose',
  ])('accepts a body of type %s', async (type) => {
    const { service, server } = await create()
    expect((await post(server, await service.statement(1), type)).status).toBe(201)
  })

  it.each(['application/json', 'application/cose; cose-type="cose-sign"', 'text/plain', 'cose'])(
    'refuses a body of type %s',
    async (type) => {
      const { service, server } = await create()
      expect(problemOf(await post(server, await service.statement(1), type))).toMatchObject({
        status: 415,
        title: 'Unsupported Media Type',
        code: 'ERR_MEDIA_TYPE',
      })
    },
  )

  it('refuses a body that is compressed', async () => {
    const { service, server } = await create()
    const response = await post(server, await service.statement(1)).set('Content-Encoding', 'gzip')
    expect(problemOf(response)).toMatchObject({ status: 415, code: 'ERR_MEDIA_TYPE' })
  })

  it('answers a duplicate 201 with the same Location and index', async () => {
    const { service, server } = await create()
    const statement = await service.statement(1)
    const first = await post(server, statement)
    await post(server, await service.statement(2))
    const again = await post(server, statement)
    expect(again.status).toBe(201)
    expect(again.headers['location']).toBe(first.headers['location'])
    expect(await verifiedIndex(service, statement, bytesOf(again))).toBe(2)
  })

  it('registers a Transparent Statement of its own as a duplicate', async () => {
    const { service, server } = await create()
    const { headers } = await post(server, await service.statement(1))
    const statement = bytesOf(await get(server, `${headers['location']}/statement`))
    expect(parseSignedStatement(statement).receipts).toHaveLength(1)
    const again = await post(server, statement, 'application/scitt-statement+cose')
    expect(again.status).toBe(201)
    expect(again.headers['location']).toBe(headers['location'])
    expect(service.log.currentHead().treeHead.treeSize).toBe(3)
  })

  it('gives 50 parallel posts of one statement one entry and 50 equal answers', async () => {
    const { service, server } = await create()
    const statement = await service.statement(1)
    const responses = await Promise.all(Array.from({ length: 50 }, () => post(server, statement)))
    expect(service.log.currentHead().treeHead.treeSize).toBe(3)
    for (const response of responses) {
      expect(response.status).toBe(201)
      expect(response.headers['location']).toBe(responses[0]!.headers['location'])
      expect(await verifiedIndex(service, statement, bytesOf(response))).toBe(2)
    }
  })

  it('does not fail a good copy in flight because of one with a wrong unprotected x5chain', async () => {
    const ca = makeCa({ name: 'Root' })
    const leaf = issueCertificate({ ca })
    const stranger = issueCertificate({ ca: makeCa({ name: 'Stranger' }) })
    const { service, server } = await create({
      anchors: [{ kind: 'x509-root', certificate: parseCertificate(ca.der), issuers: ['*'] }],
    })
    service.clock.time = START_TIME
    const key = parseCertificate(leaf.der).spki
    const signer = signerFor('ES256', leaf.privateKey, key)
    const bare = await signSign1({
      protectedHeader: new Map<CborValue, CborValue>([
        [3, 'application/json'],
        [4, signer.publicKey.kid!],
        [15, new Map<CborValue, CborValue>([[1, ISSUER], [2, 'x']])], // prettier-ignore
      ]),
      payload: Uint8Array.of(1),
      signer,
    })
    const withChain = (der: Uint8Array): Uint8Array => {
      const { protectedBytes, payload, signature } = parseSign1(bare)
      const unprotectedBytes = encodeCbor(new Map([[33, der]]))
      return encodeSign1({ protectedBytes, unprotectedBytes, payload, signature })
    }
    const good = withChain(leaf.der)
    const bad = withChain(stranger.der)
    service.hold.committing = createGate()
    const posted = [bad, good, bad, good, bad].map((body) => post(server, body).then((it) => it))
    const refused = await Promise.all([posted[0]!, posted[2]!, posted[4]!])
    for (const response of refused) {
      expect(problemOf(response)).toMatchObject({ status: 400, title: 'Rejected' })
    }
    service.hold.committing.open()
    expect((await posted[1]!).status).toBe(201)
    expect((await posted[3]!).status).toBe(201)
    // Once it is stored, any copy is a duplicate.
    expect((await post(server, bad)).status).toBe(201)
  })

  it('answers 202, then 204, then 200 when the signer is slow', async () => {
    const { service, server } = await create({ answerWithinMs: 20 })
    const statement = await service.statement(1)
    const gate = createGate()
    service.hold.signing = gate
    const accepted = await post(server, statement)
    expect(accepted.status).toBe(202)
    expect(bytesOf(accepted)).toHaveLength(0)
    const location = accepted.headers['location']!
    expect(Number(accepted.headers['retry-after'])).toBeGreaterThanOrEqual(1)

    const waiting = await get(server, location)
    expect(waiting.status).toBe(204)
    expect(waiting.headers['retry-after']).toBe('1')
    expect(waiting.headers['cache-control']).toBe('no-store')
    expect((await get(server, `${location}/statement`)).status).toBe(204)
    const repeated = await post(server, statement)
    expect(repeated.status).toBe(202)
    expect(repeated.headers['location']).toBe(location)

    gate.open()
    service.hold.signing = undefined
    const again = await post(server, statement)
    expect(again.status).toBe(201)
    const done = await get(server, location)
    expect(done.status).toBe(200)
    expect(done.headers['location']).toBe(location)
    expect(await verifiedIndex(service, statement, bytesOf(done))).toBe(2)
  })
})

describe('refusals of POST /entries', () => {
  const cases: readonly [
    name: string,
    make: (service: TestRegistry) => Promise<Uint8Array> | Uint8Array,
    expected: object,
  ][] = [
    ['an empty body', () => new Uint8Array(0), { status: 400, title: 'Malformed request' }],
    ['garbage', () => Uint8Array.of(1, 2, 3), { status: 400, title: 'Malformed request' }],
    [
      'an untagged COSE_Sign1',
      async (service) => (await service.statement(1)).subarray(1),
      { title: 'Malformed request', code: 'ERR_COSE_STRUCTURE' },
    ],
    [
      'trailing bytes',
      async (service) => Uint8Array.of(...(await service.statement(1)), 0),
      { title: 'Malformed request', code: 'ERR_CBOR_MALFORMED' },
    ],
    [
      'a detached payload',
      async (service) => {
        const { protectedBytes, signature } = parseSign1(await service.statement(1))
        return encodeSign1({ protectedBytes, payload: null, signature })
      },
      { status: 400, title: 'Payload Missing', code: 'ERR_STATEMENT_PAYLOAD_MISSING' },
    ],
    [
      'an unknown algorithm',
      async (service) => service.statement(1, { signer: { ...service.signer, algorithm: -999 } }),
      { status: 400, title: 'Bad Signature Algorithm', code: 'ERR_COSE_ALGORITHM' },
    ],
    [
      'an algorithm that is not the key’s',
      async (service) => service.statement(1, { signer: { ...service.signer, algorithm: -35 } }),
      { status: 400 },
    ],
    [
      'an unknown issuer',
      (service) => service.statement(1, { issuer: 'https://else.example' }),
      { status: 400, title: 'Rejected', code: 'ERR_POLICY_REJECTED', rule: 'issuer-unknown' },
    ],
    [
      'a known issuer with another key',
      (service) => service.statement(1, { signer: testSigner() }),
      { status: 400, title: 'Rejected' },
    ],
    [
      'a signature that does not verify',
      async (service) => {
        const statement = await service.statement(1)
        statement[statement.length - 1]! ^= 1
        return statement
      },
      { status: 400, title: 'Rejected', rule: 'signature' },
    ],
    [
      'a governance statement',
      (service) =>
        service.statement(1, { contentType: 'application/vnd.attestry.trust-anchors+json' }),
      { status: 400, title: 'Rejected', code: 'ERR_POLICY_GOVERNANCE', rule: 'governance' },
    ],
    [
      'an entry of 65,536 bytes and more',
      (service) => service.statement(1, { payload: new Uint8Array(65_536) }),
      { status: 413, title: 'Content Too Large', code: 'ERR_STATEMENT_TOO_LARGE' },
    ],
  ]
  it.each(cases)('%s', async (_name, make, expected) => {
    const { service, server } = await create()
    const response = await post(server, await make(service))
    const problem = problemOf(response)
    expect(problem).toMatchObject(expected)
    expect(problem.detail).toEqual(expect.stringMatching(/.+/))
    expect(response.headers['cache-control']).toBe('no-store')
    expect(service.log.currentHead().treeHead.treeSize).toBe(2)
  })

  it('accepts an entry of exactly 65,535 bytes, and one byte more not', async () => {
    const { service, server } = await create()
    const overhead = parseSignedStatement(
      await service.statement(1, { payload: new Uint8Array(60_000) }),
    ).entry.length - 60_000 // prettier-ignore
    const exact = await service.statement(1, { payload: new Uint8Array(65_535 - overhead) })
    expect(parseSignedStatement(exact).entry).toHaveLength(65_535)
    expect((await post(server, exact)).status).toBe(201)
    const over = await service.statement(1, { payload: new Uint8Array(65_536 - overhead) })
    expect((await post(server, over)).status).toBe(413)
  })

  it('drops a large unprotected header before it measures', async () => {
    const { service, server } = await create()
    const { protectedBytes, payload, signature } = parseSign1(await service.statement(1))
    const unprotectedBytes = encodeCbor(new Map([['note', new Uint8Array(100_000)]]))
    const body = encodeSign1({ protectedBytes, unprotectedBytes, payload, signature })
    const response = await post(server, body)
    expect(response.status).toBe(201)
    const stored = bytesOf(await get(server, `${response.headers['location']}/statement`))
    expect(equalBytes(parseSignedStatement(stored).entry, parseSignedStatement(body).entry)).toBe(
      true,
    )
  })
})

describe('GET /entries/{id}', () => {
  it.each(['x', '0'.repeat(63), 'A'.repeat(64), '%zz', '%00', `${'0'.repeat(64)}%2f`])(
    'answers %s with Invalid locator',
    async (id) => {
      const { server } = await create()
      expect(problemOf(await get(server, `/entries/${id}`))).toMatchObject({
        status: 400,
        title: 'Invalid locator',
        code: 'ERR_LOCATOR',
      })
    },
  )

  it('answers an unknown id with Not Found', async () => {
    const { server } = await create()
    const id = '0'.repeat(64)
    expect(problemOf(await get(server, `/entries/${id}`))).toMatchObject({
      status: 404,
      title: 'Not Found',
      detail: `Receipt with entry ID ${id} not known to this Transparency Service`,
    })
  })

  it('gives the statement as scitt-statement+cose when Accept asks', async () => {
    const { service, server } = await create()
    const { headers } = await post(server, await service.statement(1))
    const path = `${headers['location']}/statement`
    expect((await get(server, path)).headers['content-type']).toBe('application/cose')
    const type = 'application/scitt-statement+cose'
    expect((await get(server, path).set('Accept', type)).headers['content-type']).toBe(type)
  })
})
