/**
 * Walks openapi.yaml against a live server: every operation is served, every answer has a status and
 * a media type that the description names, and a body that its schema accepts.
 */
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv'
import supertest from 'supertest'
import type { Response } from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readSchemas } from '../../src/app/schemas.ts'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { VerificationError } from '../../src/errors.ts'
import { splitCborSequence } from '../../src/cbor/sequence.ts'
import { CborTag, decodeCbor } from '../../src/cbor/decode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { indexLog } from '../support/index-log.ts'
import { makeDcap, testIntel } from '../support/intel-pki.ts'
import { TestRegistry } from '../support/test-registry.ts'
import { binary, bytesOf } from './problem-body.ts'

interface Described {
  readonly $ref?: string
  readonly headers?: Record<string, { $ref: string }>
  readonly content?: Record<string, { readonly schema: object; readonly example?: unknown }>
}
interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly responses: Record<string, Described>
}
interface Description {
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: {
    readonly responses: Record<string, Described>
    readonly headers: Record<string, { readonly schema: { readonly pattern?: string } }>
  }
}

const description = parse(
  readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'),
) as Description
const ajv = new Ajv2020({ strict: false })
ajv.addSchema(description, 'openapi.yaml')

/** CBOR as the JSON that the description speaks of. */
function asJson(value: CborValue): unknown {
  if (value instanceof Uint8Array) return encodeHex(value)
  if (value instanceof CborTag) return { tag: value.tag, value: asJson(value.value) }
  if (value instanceof Map) {
    const map = value as ReadonlyMap<CborValue, CborValue>
    return Object.fromEntries(
      [...map].map(([key, item]) => [`${key as string | number}`, asJson(item)]),
    )
  }
  if (Array.isArray(value)) return value.map((item) => asJson(item as CborValue))
  return value
}

function readBody(type: string, body: Uint8Array): unknown {
  if (type.endsWith('json')) return JSON.parse(decodeUtf8(body))
  if (type === 'application/octet-stream') return encodeHex(body)
  if (type === 'application/cbor-seq') {
    const items = splitCborSequence(body, { itemsMax: 100, itemBytesMax: 100_000 })
    return items.map((item) => asJson(decodeCbor(item)))
  }
  const isText = type === 'application/yaml' || type.startsWith('text/')
  return isText ? decodeUtf8(body) : asJson(decodeCbor(body))
}

function resolve(described: Described): Described {
  if (described.$ref === undefined) return described
  return description.components.responses[described.$ref.split('/').at(-1)!]!
}

function assertDescribed(path: string, method: string, response: Response): void {
  const operation = description.paths[path]?.[method]
  const status = String(response.status)
  const named = operation?.responses[status]
  if (named === undefined) throw new Error(`${method} ${path} does not describe ${status}`)
  const { headers = {}, content } = resolve(named)
  for (const name of Object.keys(headers)) {
    expect(response.headers[name.toLowerCase()], name).toBeDefined()
    const pattern = description.components.headers[name]?.schema.pattern
    if (pattern !== undefined) {
      expect(response.headers[name.toLowerCase()]).toMatch(new RegExp(pattern))
    }
  }
  if (content === undefined) {
    expect(bytesOf(response)).toHaveLength(0)
    return
  }
  const type = response.headers['content-type']!
  expect(Object.keys(content)).toContain(type)
  const validate = compile(content[type]!.schema)
  expect(validate(readBody(type, bytesOf(response))), ajv.errorsText(validate.errors)).toBe(true)
}

function compile(schema: object): ValidateFunction {
  const isReference = '$ref' in schema
  return ajv.compile(isReference ? { $ref: `openapi.yaml${String(schema.$ref)}` } : schema)
}

let service: TestRegistry
let server: Server
let ids: { entryId: string; kid: string; collateral: string; payload: string }
let statement: Uint8Array

beforeAll(async () => {
  const index = new MemoryIndex()
  service = await TestRegistry.create({ index, http: { schemas: await readSchemas() } })
  server = (await service.listen()).server
  statement = await service.statement(1)
  const { entryId } = await service.registry.register(statement, {
    claims: { kind: 'api-token', issuer: service.registry.issuer, claims: { token_id: 'a' } },
  })
  await indexLog(index, service)
  const [piece] = await service.log.entryCollateral(2, 3)
  const kid = encodeBase64url(service.serviceSigner.publicKey.kid!)
  const content = encodeUtf8('content')
  await service.ports.payloads!.store.put({
    ...{ name: { algorithm: 'SHA-256', digest: sha256(content) }, sha256: sha256(content) },
    ...{ bytes: content, storedAt: 0 },
  })
  const payload = `sha256:${encodeHex(sha256(content))}`
  ids = { entryId, kid, collateral: encodeHex(piece!.digest), payload }
})
afterAll(() => service.close())

/** Operation, path as requested, and the expected status. */
const walk: readonly [operationId: string, url: (is: typeof ids) => string, status: number][] = [
  ['resolveReceipt', ({ entryId }) => `/entries/${entryId}`, 200],
  ['resolveReceipt', () => `/entries/${'0'.repeat(64)}`, 404],
  ['resolveReceipt', () => '/entries/unknown', 400],
  ['readTransparentStatement', ({ entryId }) => `/entries/${entryId}/statement`, 200],
  ['readTransparentStatement', () => `/entries/${'0'.repeat(64)}/statement`, 404],
  ['readTransparentStatement', () => '/entries/x/statement', 400],
  ['readReceiptAtHead', ({ entryId }) => `/entries/${entryId}/receipts/3`, 200],
  ['readReceiptAtHead', ({ entryId }) => `/entries/${entryId}/receipts/2`, 404],
  ['readReceiptAtHead', ({ entryId }) => `/entries/${entryId}/receipts/03`, 400],
  ['listServiceKeys', () => '/.well-known/scitt-keys', 200],
  ['readServiceKey', ({ kid }) => `/.well-known/scitt-keys/${kid}`, 200],
  ['readServiceKey', () => '/.well-known/scitt-keys/unknown', 404],
  ['readServiceKey', () => '/.well-known/scitt-keys/%ff', 400],
  ['readCurrentHead', () => '/heads/current', 200],
  ['readHead', () => '/heads/2', 200],
  ['readHead', () => '/heads/1', 404],
  ['readHead', () => '/heads/-1', 400],
  ['readConsistencyReceipt', () => '/consistency/2/3', 200],
  ['readConsistencyReceipt', () => '/consistency/1/3', 404],
  ['readConsistencyReceipt', () => '/consistency/3/3', 400],
  ['readCheckpoint', () => '/checkpoint', 200],
  ['readTile', () => '/tile/0/000.p/3', 200],
  ['readTile', () => '/tile/0/000', 404],
  ['readEntryBundle', () => '/tile/entries/000.p/2', 200],
  ['readEntryBundle', () => '/tile/entries/0', 404],
  ['readHeadBundle', () => '/heads/bundle/000.p/3', 200],
  ['readHeadBundle', () => '/heads/bundle/001.p/1', 404],
  ['readAppraisal', ({ entryId }) => `/entries/${entryId}/appraisal`, 404],
  ['readAppraisal', () => `/entries/${'0'.repeat(64)}/appraisal`, 404],
  ['readAppraisal', () => '/entries/x/appraisal', 400],
  ['readCollateral', ({ collateral }) => `/collateral/sha256:${collateral}`, 200],
  ['readCollateral', () => `/collateral/sha256:${'0'.repeat(64)}`, 404],
  ['readCollateral', () => '/collateral/x', 400],
  ['readPayload', ({ payload }) => `/payloads/${payload}`, 200],
  ['readPayload', () => `/payloads/sha256:${'0'.repeat(64)}`, 404],
  ['readPayload', () => '/payloads/x', 400],
  ['queryStatements', () => '/statements?facts=1&limit=2', 200],
  ['queryStatements', () => '/statements?color=red', 400],
  ['viewStatement', ({ entryId }) => `/statements/${entryId}`, 200],
  ['viewStatement', () => `/statements/${'0'.repeat(64)}`, 404],
  ['viewStatement', () => '/statements/x', 400],
  ['findBuiltArtifacts', () => '/artifacts?advisory=INTEL-SA-00615', 200],
  ['findBuiltArtifacts', () => '/artifacts', 400],
  ['viewArtifact', () => `/artifacts/sha256:${'0'.repeat(64)}`, 200],
  ['viewArtifact', () => '/artifacts/x', 400],
  ['readFeed', () => '/feed?limit=1', 200],
  ['readFeed', () => '/feed?after=x', 400],
  ['readTlogProof', ({ entryId }) => `/entries/${entryId}/tlog-proof`, 200],
  ['readTlogProof', () => `/entries/${'0'.repeat(64)}/tlog-proof`, 404],
  ['readTlogProof', () => '/entries/x/tlog-proof', 400],
  ['readLogKey', () => '/log-key', 200],
  ['listLogKeys', () => '/log-keys', 200],
  ['readTlogPolicy', () => '/tlog-policy', 200],
  ['readSchema', () => '/schemas/registration-policy.schema.json', 200],
  ['readSchema', () => '/schemas/unknown.json', 404],
  ['checkHealth', () => '/health', 200],
  ['readDescription', () => '/openapi.yaml', 200],
  ['readLinks', () => '/', 200],
]

describe('openapi.yaml', () => {
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({ path, method, operationId })),
  )

  it('has no operation that this walk leaves out', () => {
    const walked = new Set([
      'registerSignedStatement',
      'registerBatch',
      'storePayload',
      ...walk.map(([id]) => id),
    ])
    expect(
      operations.map(({ operationId }) => operationId).filter((id) => !walked.has(id)),
    ).toEqual([])
  })

  it.each(walk)('describes %s', async (operationId, url, status) => {
    const { path } = operations.find((operation) => operation.operationId === operationId)!
    const response = await binary(supertest(server).get(url(ids)))
    expect(response.status).toBe(status)
    assertDescribed(path, 'get', response)
    // Design D13: concise problems for SCRAPI, JSON for what is ours.
    if (status < 400) return
    const isScrapi = description.paths[path]!['get']!.tags.includes('SCRAPI')
    const type = isScrapi ? 'concise-problem-details+cbor' : 'problem+json'
    expect(response.headers['content-type']).toBe(`application/${type}`)
  })

  it.each([
    ['application/problem+json', '/entries/unknown'],
    ['application/concise-problem-details+cbor', '/heads/unknown'],
  ])('gives a problem as %s when Accept asks', async (type, url) => {
    const response = await binary(supertest(server).get(url).set('Accept', type))
    expect(response.headers['content-type']).toBe(type)
    assertDescribed(url.replace('unknown', url.startsWith('/heads') ? '{treeSize}' : '{entryId}'), 'get', response) // prettier-ignore
  })

  it.each([
    ['application/cose', 201],
    ['application/scitt-statement+cose', 201],
    ['application/json', 415],
  ])('describes the registration of %s', async (type, status) => {
    const post = supertest(server).post('/entries').set('Content-Type', type)
    const response = await binary(post.send(Buffer.from(statement)))
    expect(response.status).toBe(status)
    assertDescribed('/entries', 'post', response)
  })

  it.each([
    ['application/cbor-seq', 200],
    ['application/cose', 415],
  ])('describes a batch of %s', async (type, status) => {
    const body = Buffer.concat([statement, Uint8Array.of(0x80), await service.statement(77)])
    const post = supertest(server).post('/batches').set('Content-Type', type)
    const response = await binary(post.send(body))
    expect(response.status).toBe(status)
    assertDescribed('/batches', 'post', response)
  })

  it.each([
    ['what', 'what', 201],
    ['what', 'what', 204],
    ['what', 'else', 400],
    ['', 'what', 400],
    ['nobody knows', 'nobody knows', 401],
  ])('describes storing %j as %j', async (content, named, status) => {
    const { payloads } = service.ports
    const envelope = await service.statement(0, { payload: encodeUtf8(named), hash: 'SHA-256' })
    if (status !== 401) payloads!.named.add(parseSignedStatement(envelope))
    const hex = encodeHex(sha256(encodeUtf8(named)))
    const put = supertest(server).put(`/payloads/sha256:${hex}`)
    const response = await binary(put.send(Buffer.from(content)))
    expect(response.status).toBe(status)
    assertDescribed('/payloads/{name}', 'put', response)
  })

  it.each([
    ['ERR_TOKEN_INVALID', 401],
    ['ERR_TOKEN_SCOPE', 403],
  ] as const)('describes a token that is refused with %s', async (code, status) => {
    const strict = await TestRegistry.create({
      submitters: {
        authenticate: async () => {
          throw new VerificationError(code, 'refused')
        },
      },
    })
    const { server: refusing } = await strict.listen()
    const post = supertest(refusing).post('/entries').set('Content-Type', 'application/cose')
    const response = await binary(post.send(Buffer.from(statement)))
    expect(response.status).toBe(status)
    assertDescribed('/entries', 'post', response)
    await strict.close()
  })

  it('describes the appraisal of an entry', async () => {
    const { quote, collateral } = makeDcap({ tee: 'tdx' })
    const intel = [encodeHex(sha256(testIntel.root.der))]
    const registry = await EvidenceRegistry.create({ roots: { intel } })
    const bundle = encodeCollateral(collateral)
    const container = { format: 'tdx-quote', evidence: quote, collateral: bundle } as const
    const entryId = await registry.register(await registry.evidence(container))
    const response = await binary(supertest(registry.url).get(`/entries/${entryId}/appraisal`))
    expect(response.status).toBe(200)
    assertDescribed('/entries/{entryId}/appraisal', 'get', response)
    await registry.close()
  })

  it('describes a registration of garbage', async () => {
    const post = supertest(server).post('/entries').set('Content-Type', 'application/cose')
    const response = await binary(post.send(Buffer.from('garbage')))
    expect(response.status).toBe(400)
    assertDescribed('/entries', 'post', response)
  })

  it('refuses a Receipt where it says tree head', async () => {
    const response = await binary(supertest(server).get(`/entries/${ids.entryId}`))
    const receipt = readBody('application/cose', bytesOf(response))
    expect(compile({ $ref: '#/components/schemas/Receipt' })(receipt)).toBe(true)
    expect(compile({ $ref: '#/components/schemas/SignedTreeHead' })(receipt)).toBe(false)
    expect(compile({ $ref: '#/components/schemas/ConsistencyReceipt' })(receipt)).toBe(false)
  })

  it('has examples that its schemas accept', () => {
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        for (const [status, described] of Object.entries(operation.responses)) {
          for (const { schema, example } of Object.values(resolve(described).content ?? {})) {
            if (example === undefined) continue
            expect(compile(schema)(example), `${method} ${path} ${status}`).toBe(true)
          }
        }
      }
    }
  })
})
