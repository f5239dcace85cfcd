/** What a client makes of a service that refuses, fails, misleads or never stops talking. */
import { describe, expect, it } from 'vitest'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { PayloadClient } from '../../src/client/payload-client.ts'
import { QueryClient } from '../../src/client/query-client.ts'
import { problemOf } from '../../src/client/service-error.ts'
import { PolicyError, UnavailableError } from '../../src/errors.ts'
import type { UnavailableErrorCode } from '../../src/errors.ts'
import { describeProblem } from '../../src/http/problem.ts'
import { encodeConciseProblem } from '../../src/http/problem-document.ts'
import { FakeService } from './fake-service.ts'
import type { Scripted } from './fake-service.ts'

const statement = Uint8Array.of(0xd2, 0x84, 0x41, 0xa0)
/** Only its first byte matters to the client: callers verify receipts. */
const receipt = Uint8Array.of(0xd2, 0x84, 0x43, 1, 2, 3)
const cose = { 'content-type': 'application/cose' }
const map = (entries: [CborValue, CborValue][]): Uint8Array => encodeCbor(new Map(entries))
const problem = (title: string, detail: string): Uint8Array =>
  map([
    [-1, title],
    [-2, detail],
  ])
const given: Scripted = { status: 200, headers: cose, body: receipt }

describe('refusals', () => {
  const answers: [string, Scripted, Record<string, unknown>][] = [
    [
      'concise problem details with our machine code',
      {
        status: 400,
        headers: { 'content-type': 'application/concise-problem-details+cbor' },
        body: map([
          [-1, 'Rejected'],
          [-2, 'not accepted'],
          ['https://attestry.example/problem', new Map([[0, 'issuer-unknown']])],
        ]),
      },
      { code: 'ERR_POLICY_REJECTED', rule: 'issuer-unknown' },
    ],
    [
      'the rule of our registry, which is not its machine code',
      {
        status: 400,
        headers: { 'content-type': 'application/concise-problem-details+cbor' },
        body: encodeConciseProblem(
          describeProblem(
            new PolicyError('ERR_POLICY_REJECTED', 'payload', 'no builder', {
              pointer: '/predicate',
            }),
          ),
        ),
      },
      { code: 'ERR_POLICY_REJECTED', rule: 'payload', pointer: '/predicate' },
    ],
    [
      'a rule of our registry that has a title of its own',
      {
        status: 400,
        headers: { 'content-type': 'application/concise-problem-details+cbor' },
        body: encodeConciseProblem(
          describeProblem(new PolicyError('ERR_POLICY_REJECTED', 'algorithm', 'EdDSA is not')),
        ),
      },
      { code: 'ERR_POLICY_REJECTED', rule: 'algorithm' },
    ],
    [
      'a frozen log, which is not asked again',
      {
        status: 503,
        headers: {
          'content-type': 'application/concise-problem-details+cbor',
          'retry-after': '30',
        },
        body: map([
          [-1, 'Service Unavailable'],
          ['https://attestry.dev/problem', new Map([[0, 'ERR_LOG_FROZEN']])],
        ]),
      },
      { code: 'ERR_LOG_FROZEN' },
    ],
    [
      'a CCF policy failure',
      {
        status: 400,
        headers: { 'content-type': 'application/concise-problem-details+cbor' },
        body: problem('PolicyFailed', 'no'),
      },
      { code: 'ERR_POLICY_REJECTED', rule: 'service' },
    ],
    [
      'JSON problem details of -02',
      {
        status: 400,
        headers: { 'content-type': 'application/problem+json' },
        body: '{"type":"urn:ietf:params:scitt:error:badSignatureAlgorithm","detail":"alg"}',
      },
      { code: 'ERR_REQUEST' },
    ],
    [
      'HTML',
      {
        status: 400,
        headers: { 'content-type': 'text/html' },
        body: '<html><title>Bad Request</title>',
      },
      { code: 'ERR_REQUEST' },
    ],
    ['nothing', { status: 401 }, { code: 'ERR_REQUEST' }],
    [
      'bytes that are no text',
      { status: 413, body: Uint8Array.of(0xff, 0xfe, 0x9f, 0x1f) },
      { code: 'ERR_REQUEST' },
    ],
    ['a server error', { status: 500, body: 'boom' }, { code: 'ERR_NETWORK' }],
    [
      'a redirect that keeps the method',
      { status: 307, headers: { location: '/other' } },
      { code: 'ERR_RESPONSE' },
    ],
    [
      'an unknown entry',
      { status: 404, body: problem('Not Found', 'x') },
      { code: 'ERR_ENTRY_UNKNOWN' },
    ],
    [
      'success without a receipt',
      { status: 201, headers: { 'content-type': 'text/html' }, body: '<html>' },
      { code: 'ERR_RESPONSE' },
    ],
    ['success without body or Location', { status: 201 }, { code: 'ERR_RESPONSE' }],
    ['202 without Location', { status: 202 }, { code: 'ERR_RESPONSE' }],
    [
      'a Location on another host',
      { status: 202, headers: { location: 'https://evil.example/entries/1' } },
      { code: 'ERR_RESPONSE' },
    ],
    [
      'a Location that is no URL',
      { status: 303, headers: { location: 'http://[' } },
      { code: 'ERR_RESPONSE' },
    ],
    [
      'an operation with an id that walks up',
      { status: 202, body: map([['OperationId', '..']]) },
      { code: 'ERR_RESPONSE' },
    ],
    [
      'a finished operation that names nothing',
      { status: 200, body: map([['Status', 'succeeded']]) },
      { code: 'ERR_RESPONSE' },
    ],
  ]
  it.each<[number, UnavailableErrorCode]>([
    [503, 'ERR_QUEUE_FULL'],
    [503, 'ERR_DISK_FLOOR'],
    [503, 'ERR_TIMEOUT'],
    [503, 'ERR_INDEX_OFF'],
    [429, 'ERR_QUOTA'],
  ])('%d with %s of ours is told as that, not as a network failure', async (status, code) => {
    const headers = { 'content-type': 'application/concise-problem-details+cbor' }
    const body = encodeConciseProblem(describeProblem(new UnavailableError(code, 'not now')))
    // More time than the caller has: it does not wait.
    const answer = { status, headers: { ...headers, 'retry-after': '86400' }, body }
    const service = new FakeService({ 'POST /entries': answer })
    await expect(service.client().register(statement)).rejects.toMatchObject({ code })
  })

  it('a code that is none of ours, or not for such an answer, stays a network failure', async () => {
    for (const code of ['ERR_OF_ANOTHER_MAKER', 'ERR_INVARIANT']) {
      const body = map([
        [-1, 'no'],
        ['https://attestry.example/problem', new Map([[0, code]])],
      ])
      const service = new FakeService({
        'POST /entries': { status: 503, headers: { 'retry-after': '86400' }, body },
      })
      const refused = service.client().register(statement)
      await expect(refused).rejects.toMatchObject({ code: 'ERR_NETWORK' })
    }
  })

  it.each(answers)('%s', async (_, answer, expected) => {
    const service = new FakeService({ 'POST /entries': answer })
    await expect(service.client().register(statement)).rejects.toMatchObject(expected)
  })

  it('tells the code of the service where it says more than the code of the error', async () => {
    const answer = (code: string): Scripted => ({
      status: 400,
      headers: { 'content-type': 'application/problem+json' },
      body: JSON.stringify({ title: 'No', code, rule: 'R' }),
    })
    const messageFor = async (code: string): Promise<string> => {
      const refused = new FakeService({ 'POST /entries': answer(code) }).client().register(statement) // prettier-ignore
      return refused.then(String, (error: unknown) => (error as Error).message)
    }
    expect(await messageFor('ERR_COSE_CRIT')).toMatch(/: No \(HTTP 400, ERR_COSE_CRIT, rule R\)$/)
    expect(await messageFor('ERR_POLICY_REJECTED')).toMatch(/: No \(HTTP 400, rule R\)$/)
    expect(await messageFor('ERR_REQUEST')).toMatch(/: No \(HTTP 400, rule R\)$/)
  })

  it('keeps what the service said', async () => {
    const service = new FakeService({
      'POST /entries': { status: 400, body: problem('Rejected', 'no\u001b[31m red') },
    })
    const error: unknown = await service
      .client()
      .register(statement)
      .catch((thrown: unknown) => thrown)
    expect(problemOf(error)).toEqual({ status: 400, title: 'Rejected', detail: 'no [31m red' })
    expect((error as Error).message).not.toContain('\u001b')
  })

  it('an endless body is cut off', async () => {
    let chunks = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        chunks += 1
        controller.enqueue(new Uint8Array(65_536).fill(0xd2))
      },
    })
    const client = new FakeService({}).client({
      fetch: () => Promise.resolve(new Response(endless, { status: 201 })),
    })
    await expect(client.register(statement)).rejects.toMatchObject({ code: 'ERR_RESPONSE' })
    expect(chunks).toBeLessThan(10)
  })

  it('a network failure names its root cause', async () => {
    const failing = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })
    const client = new FakeService({}).client({ fetch: () => Promise.reject(failing) })
    await expect(client.register(statement)).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining('ECONNREFUSED') as string,
    })
  })
})

describe('the address of something else', () => {
  const name = { algorithm: 'SHA-256', digest: new Uint8Array(32) } as const
  const html = { 'content-type': 'text/html' }
  const problemJson = { 'content-type': 'application/problem+json' }
  const ways: [string, (service: FakeService) => Promise<unknown>][] = [
    ['POST /entries', (service) => service.client().register(statement)],
    ['GET /.well-known/scitt-keys', (service) => service.client().fetchKeys()],
    ['GET /statements', (service) => new QueryClient(service.options()).find({})],
    [`GET /statements/${'ab'.repeat(32)}`, (service) => new QueryClient(service.options()).view('ab'.repeat(32))], // prettier-ignore
    [`GET /payloads/sha256:${'00'.repeat(32)}`, (service) => new PayloadClient(service.options()).get(name, 1000)], // prettier-ignore
    [`PUT /payloads/sha256:${'00'.repeat(32)}`, (service) => new PayloadClient(service.options()).put(name, statement)], // prettier-ignore
  ]
  const answers: [string, Scripted][] = [
    ['nothing', { status: 404 }],
    ['a page', { status: 404, headers: html, body: '<title>404 Not Found</title>' }],
    ['a registry', { status: 404, headers: problemJson, body: '{"title":"Not Found","code":"ERR_ROUTE_UNKNOWN"}' }], // prettier-ignore
  ]
  it.each(
    ways.flatMap(([path, ask]) => answers.map(([by, answer]) => ({ path, ask, by, answer }))),
  )(
    // prettier-ignore
    'is told alike by every client: $path answered by $by',
    async ({ path, ask, answer }) => {
      await expect(ask(new FakeService({ [path]: answer }))).rejects.toMatchObject({
        code: 'ERR_ROUTE_UNKNOWN',
        message: expect.stringMatching(/^https:\/\/ts\.example\/.* \(HTTP 404\)$/) as string,
      })
    },
  )

  it('is not that of a registry without such a payload', async () => {
    const body = '{"title":"Not Found","code":"ERR_PAYLOAD_UNKNOWN"}'
    const service = new FakeService({
      [`GET /payloads/sha256:${'00'.repeat(32)}`]: { status: 404, headers: problemJson, body },
    })
    const client = new PayloadClient(service.options())
    await expect(client.get(name, 1000)).rejects.toMatchObject({ code: 'ERR_PAYLOAD_UNKNOWN' })
  })
})

describe('where a client may be sent', () => {
  it('stays on its own scheme and port when a proxy hides them', async () => {
    const service = new FakeService({
      'POST /entries': { status: 202, headers: { location: 'http://ts.example:8080/entries/5' } },
      'GET /entries/5': given,
    })
    const { location } = await service.client().register(statement)
    expect(location).toBe('https://ts.example/entries/5')
  })

  it('takes localhost and 127.0.0.1 for the same host', async () => {
    const service = new FakeService(
      {
        'POST /entries': { status: 202, headers: { location: 'http://localhost:1/entries/5' } },
        'GET /entries/5': given,
      },
      'http://127.0.0.1:8080',
    )
    expect((await service.client().register(statement)).entryId).toBe('5')
  })

  it.each([
    'ftp://ts.example',
    'ts.example',
    'https://user:pass@ts.example',
    'https://ts.example/?q=1',
  ])('refuses %s as a service', (url) => {
    expect(() => new FakeService({}).client({ url })).toThrow(/service URL/)
  })

  it('a browser that hides redirects is told', async () => {
    const opaque = { type: 'opaqueredirect', status: 0, headers: new Headers(), body: null }
    const client = new FakeService({}).client({
      fetch: () => Promise.resolve(opaque as unknown as Response),
    })
    await expect(client.register(statement)).rejects.toMatchObject({ code: 'ERR_RESPONSE' })
  })
})
