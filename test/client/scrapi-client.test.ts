import { describe, expect, it } from 'vitest'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { FakeService } from './fake-service.ts'
import type { Scripted } from './fake-service.ts'

const statement = Uint8Array.of(0xd2, 0x84, 0x41, 0xa0)
/** Only its first byte matters to the client: callers verify receipts. */
const receipt = Uint8Array.of(0xd2, 0x84, 0x43, 1, 2, 3)
const cose = { 'content-type': 'application/cose' }
const cbor = { 'content-type': 'application/cbor' }
const id = 'ab'.repeat(32)
const map = (entries: [CborValue, CborValue][]): Uint8Array => encodeCbor(new Map(entries))
const problem = (title: string, detail: string): Uint8Array =>
  map([
    [-1, title],
    [-2, detail],
  ])
const given: Scripted = { status: 200, headers: cose, body: receipt }

describe('register, by generation', () => {
  it('-11: 201 with Receipt and relative Location', async () => {
    const service = new FakeService({
      'POST /entries': {
        status: 201,
        headers: { ...cose, location: `/entries/${id}` },
        body: receipt,
      },
    })
    const registered = await service.client().register(statement)
    expect(registered).toEqual({
      location: `https://ts.example/entries/${id}`,
      entryId: id,
      receipt,
    })
    const [post] = service.requests
    expect(post?.headers['content-type']).toBe('application/cose')
    expect(post?.headers['accept']).toContain('application/cose, application/scitt-receipt+cose')
    expect(post?.redirect).toBe('manual')
    expect(service.waits).toEqual([])
  })

  it('-11: 202, then 204 until 200, honouring Retry-After', async () => {
    const service = new FakeService({
      'POST /entries': { status: 202, headers: { location: `/entries/${id}`, 'retry-after': '1' } },
      [`GET /entries/${id}`]: [
        { status: 204, headers: { 'retry-after': '3' } },
        { status: 204 },
        given,
      ],
    })
    const { receipt: got } = await service.client().register(statement)
    expect(got).toEqual(receipt)
    expect(service.paths).toEqual(['POST /entries', ...Array<string>(3).fill(`GET /entries/${id}`)])
    const [first, second] = service.waits
    expect(first).toBeGreaterThanOrEqual(1000)
    expect(second).toBeGreaterThanOrEqual(3000)
  })

  it('-11: an accepted registration that fails is final, with the reason', async () => {
    const service = new FakeService({
      'POST /entries': { status: 202, headers: { location: `/entries/${id}` } },
      [`GET /entries/${id}`]: {
        status: 404,
        headers: { 'content-type': 'application/concise-problem-details+cbor' },
        body: problem('Registration Failed', 'issuer not known'),
      },
    })
    const failure = service.client().register(statement)
    await expect(failure).rejects.toMatchObject({
      code: 'ERR_REGISTRATION_FAILED',
      message: expect.stringContaining('issuer not known') as string,
    })
  })

  it('-04 to -10: 303 to a resource that answers 302 until 200', async () => {
    const service = new FakeService({
      'POST /entries': { status: 303, headers: { location: '/entries/tmp-1', 'retry-after': '1' } },
      'GET /entries/tmp-1': [
        { status: 302, headers: { location: '/entries/tmp-1', 'retry-after': '2' } },
        { status: 302, headers: { location: '/entries/7' } },
      ],
      'GET /entries/7': {
        status: 200,
        headers: { 'content-type': 'application/scitt-receipt+cose; x=y' },
        body: receipt,
      },
    })
    const registered = await service.client().register(statement)
    expect(registered).toEqual({ location: 'https://ts.example/entries/7', entryId: '7', receipt })
    expect(service.requests.every(({ redirect }) => redirect === 'manual')).toBe(true)
  })

  it('-03 and CCF: 202 with a CBOR operation, polled, then the entry', async () => {
    const service = new FakeService({
      'POST /entries': {
        status: 202,
        headers: { ...cose, location: '/operations/2.18' },
        body: map([
          ['OperationId', '2.18'],
          ['Status', 'running'],
        ]),
      },
      'GET /operations/2.18': [
        { status: 202, headers: cbor, body: map([['OperationId', '2.18'], ['Status', 'running']]) }, // prettier-ignore
        { status: 200, headers: cbor, body: map([['EntryId', '2.18'], ['OperationId', '2.18'], ['Status', 'succeeded']]) }, // prettier-ignore
      ],
      'GET /entries/2.18': [{ status: 503, headers: { 'retry-after': '1' } }, given],
    })
    const registered = await service.client().register(statement)
    expect(registered.entryId).toBe('2.18')
    expect(registered.receipt).toEqual(receipt)
    expect(service.paths.filter((path) => path.startsWith('GET'))).toEqual([
      'GET /operations/2.18',
      'GET /operations/2.18',
      'GET /entries/2.18',
      'GET /entries/2.18',
    ])
  })

  it('-00 to -02 and DataTrails: JSON operations without Location, Receipt below the entry', async () => {
    const json = { 'content-type': 'application/json' }
    const service = new FakeService({
      'POST /entries': {
        status: 202,
        headers: json,
        body: '{"operationID":"op 1","status":"running"}',
      },
      'GET /operations/op%201': {
        status: 200,
        headers: json,
        body: '{"operationID":"op 1","status":"succeeded","entryID":17}',
      },
      'GET /entries/17': { status: 404, body: 'Not Found' },
      'GET /entries/17/receipt': given,
    })
    const registered = await service.client().register(statement)
    expect(registered).toEqual({
      location: 'https://ts.example/entries/17',
      entryId: '17',
      receipt,
    })
  })

  it('an operation that fails tells why', async () => {
    const service = new FakeService({
      'POST /entries': {
        status: 202,
        headers: { location: '/operations/9' },
        body: map([['OperationID', '9']]),
      },
      'GET /operations/9': {
        status: 200,
        headers: cbor,
        body: map([['Status', 'failed'], ['Error', new Map([[-1, 'PolicyFailed'], [-2, 'not you']])]]), // prettier-ignore
      },
    })
    await expect(service.client().register(statement)).rejects.toMatchObject({
      code: 'ERR_REGISTRATION_FAILED',
      message: expect.stringContaining('not you') as string,
    })
  })

  it('-01: 201 without Location still gives the Receipt', async () => {
    const service = new FakeService({
      'POST /entries': { status: 201, headers: cose, body: receipt },
    })
    expect((await service.client().register(statement)).receipt).toEqual(receipt)
  })

  it('works below a path, as archivist services have it', async () => {
    const service = new FakeService({
      'POST /archivist/v1/publicscitt/entries': { status: 201, headers: cose, body: receipt },
    })
    const client = service.client({ url: 'https://ts.example/archivist/v1/publicscitt' })
    expect((await client.register(statement)).receipt).toEqual(receipt)
  })
})

describe('patience', () => {
  it('takes Retry-After as an HTTP date against the answer’s own Date', async () => {
    const service = new FakeService({
      'POST /entries': [
        {
          status: 429,
          headers: {
            date: 'Mon, 23 Nov 2026 10:00:00 GMT',
            'retry-after': 'Mon, 23 Nov 2026 10:00:07 GMT',
          },
        },
        { status: 201, headers: cose, body: receipt },
      ],
    })
    await service.client().register(statement)
    expect(service.waits[0]).toBeGreaterThanOrEqual(7000)
    expect(service.waits[0]).toBeLessThan(9000)
  })

  it('backs off exponentially with jitter when the service names no time', async () => {
    const service = new FakeService({
      [`GET /entries/${id}`]: [...Array<Scripted>(9).fill({ status: 204 }), given],
    })
    await service.client({ random: () => 0 }).resolveReceipt(`/entries/${id}`)
    expect(service.waits.slice(0, 4)).toEqual([375, 750, 1500, 3000])
    expect(Math.max(...service.waits)).toBeLessThanOrEqual(30_000)
  })

  it('gives up after a bounded number of polls', async () => {
    const service = new FakeService({
      [`GET /entries/${id}`]: { status: 204, headers: { 'retry-after': '1' } },
    })
    const client = service.client({ limits: { triesMax: 5 } })
    await expect(client.resolveReceipt(`/entries/${id}`)).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    })
    expect(service.requests).toHaveLength(5)
  })

  it('does not wait for a service that asks for more time than the caller has', async () => {
    const service = new FakeService({
      'POST /entries': { status: 503, headers: { 'retry-after': '86400' }, body: 'maintenance' },
    })
    await expect(service.client().register(statement)).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      retryAfterSeconds: 86400,
      message: expect.stringContaining('maintenance') as string,
    })
    expect(service.waits).toEqual([])
  })

  it.each<[string, Record<string, Scripted>, string[]]>([
    [
      'to where the statement was posted',
      { 'POST /entries': { status: 302, headers: { location: 'http://ts.example:8080/entries' } } },
      ['POST /entries'],
    ],
    [
      'in circles',
      {
        'POST /entries': { status: 303, headers: { location: '/a' } },
        'GET /a': { status: 302, headers: { location: '/b' } },
        'GET /b': { status: 302, headers: { location: '/a' } },
      },
      ['POST /entries', 'GET /a', 'GET /b'],
    ],
    [
      'on and on',
      {
        'POST /entries': { status: 303, headers: { location: '/0' } },
        ...Object.fromEntries(
          Array.from({ length: 30 }, (_, at) => [
            `GET /${at}`,
            { status: 302, headers: { location: `/${at + 1}` } },
          ]),
        ),
      },
      ['POST /entries', ...Array.from({ length: 5 }, (_, at) => `GET /${at}`)],
    ],
  ])('does not follow redirects %s', async (_, script, paths) => {
    const service = new FakeService(script)
    await expect(service.client().register(statement)).rejects.toMatchObject({
      code: 'ERR_RESPONSE',
      message: expect.stringContaining(' redirects ') as string,
    })
    expect(service.paths).toEqual(paths)
  })
})

it('encodes nothing of ours into the request but the statement', async () => {
  const service = new FakeService({
    'POST /entries': { status: 201, headers: cose, body: receipt },
  })
  await service.client().register(statement)
  expect(service.requests[0]?.body).toEqual(statement)
  expect(Object.keys(service.requests[0]?.headers ?? {}).sort()).toEqual(['accept', 'content-type'])
})
