/** Many statements to services of several kinds: batches, single registrations, partial refusals. */
import { describe, expect, it } from 'vitest'
import { BatchClient } from '../../src/client/batch-client.ts'
import type { BatchResult } from '../../src/client/batch-client.ts'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor, encodeHead } from '../../src/cbor/encode.ts'
import { splitCborSequence } from '../../src/cbor/sequence.ts'
import { FakeService } from './fake-service.ts'
import type { Scripted } from './fake-service.ts'

/** Items that are CBOR; nobody here reads more of a statement. */
const statements = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => encodeCbor(at + 1000))
const receipt = Uint8Array.of(0xd2, 0x84, 0x43, 1, 2, 3)
const id = (at: number): string => at.toString(16).padStart(64, '0')
const result = (members: Record<string, CborValue>): Uint8Array =>
  encodeCbor(new Map<CborValue, CborValue>(Object.entries(members)))
const registered = (at: number): Uint8Array => result({ status: 201, entry: id(at), receipt })
const refused = (status: number, more: Record<string, CborValue> = {}): Uint8Array =>
  result({ status, problem: new Map<CborValue, CborValue>([[-1, 'Rejected'], [-2, 'why']]), ...more }) // prettier-ignore
const answers = (...items: Uint8Array[]): Scripted => ({
  status: 200,
  headers: { 'content-type': 'application/cbor-seq' },
  body: concatBytes(...items),
})

async function registerAll(service: FakeService, count: number): Promise<BatchResult[]> {
  const client = new BatchClient(service.options())
  const results: BatchResult[] = []
  for await (const one of client.register(statements(count))) results.push(one)
  return results
}

const itemsOf = (body: unknown): number =>
  splitCborSequence(body as Uint8Array, { itemsMax: 1000, itemBytesMax: 100 }).length

describe('a registry that takes batches', () => {
  it('is given them 128 at a time, and each result is told in order', async () => {
    const batch = (from: number, to: number): Scripted =>
      answers(...Array.from({ length: to - from }, (_, at) => registered(from + at)))
    const service = new FakeService({ 'POST /batches': [batch(0, 128), batch(128, 130)] })
    const results = await registerAll(service, 130)
    expect(service.requests.map(({ body }) => itemsOf(body))).toEqual([128, 2])
    expect(results).toHaveLength(130)
    expect(results[129]).toEqual({
      kind: 'registered',
      registration: {
        location: `https://ts.example/entries/${id(129)}`,
        entryId: id(129),
        receipt,
      },
    })
  })

  it('is asked again only about what it had no time for, and not before it says', async () => {
    const service = new FakeService({
      'POST /batches': [
        answers(registered(0), refused(503, { 'retry-after': 7 }), refused(400)),
        answers(registered(1)),
      ],
    })
    const results = await registerAll(service, 3)
    expect(service.requests.map(({ body }) => itemsOf(body))).toEqual([3, 1])
    expect(service.waits[0]).toBeGreaterThanOrEqual(7000)
    expect(results.map(({ kind }) => kind)).toEqual(['registered', 'registered', 'failed'])
    expect(results[2]).toMatchObject({ error: { code: 'ERR_POLICY_REJECTED' } })
  })

  it('gives the Receipt of a pending one later', async () => {
    const service = new FakeService({
      'POST /batches': answers(result({ status: 202, entry: id(5) })),
      [`GET /entries/${id(5)}`]: { status: 200, headers: { 'content-type': 'application/cose' }, body: receipt }, // prettier-ignore
    })
    expect(await registerAll(service, 1)).toMatchObject([{ registration: { receipt } }])
  })

  it.each([
    ['fewer results', answers(registered(0))],
    ['more results', answers(registered(0), registered(1), registered(2))],
    ['a result without a status', answers(registered(0), result({ entry: id(1) }))],
    ['a 201 without a Receipt', answers(registered(0), result({ status: 201, entry: id(1) }))],
    ['an entry that is no id', answers(registered(0), result({ status: 201, entry: '../x', receipt }))], // prettier-ignore
    ['no sequence', { status: 200, body: '<html>' }],
  ])('that answers %s is not believed', async (_, answer) => {
    const service = new FakeService({ 'POST /batches': answer })
    await expect(registerAll(service, 2)).rejects.toMatchObject({
      name: 'InputError',
      code: 'ERR_RESPONSE',
      message: expect.stringContaining('https://ts.example/batches ') as string,
    })
  })

  it('that gives a reason with a number in it that we never write is understood all the same', async () => {
    // {"status": 400, "problem": {-1: "Rejected", -2: "why", "x:y": 1.5}}
    const item = decodeHex(
      'a2667374617475731901906770726f626c656da3206852656a65637465642163776879' +
        '63783a79fb3ff8000000000000',
    )
    const service = new FakeService({ 'POST /batches': answers(registered(0), item) })
    const [first, second] = await registerAll(service, 2)
    expect(first).toMatchObject({ kind: 'registered' })
    expect(second).toMatchObject({
      kind: 'failed',
      error: { code: 'ERR_POLICY_REJECTED', cause: { title: 'Rejected', detail: 'why' } },
    })
  })

  it.each([
    ['less than nothing', encodeCbor(-1_000_000)],
    ['what is no number', decodeHex('f97e00')],
  ])('that says to wait for %s makes nobody wait for longer in the end', async (_, seconds) => {
    const first = concatBytes(encodeHead(5, 2), encodeCbor('status'), encodeCbor(503), encodeCbor('retry-after'), seconds) // prettier-ignore
    const service = new FakeService({
      'POST /batches': [answers(first), answers(refused(503, { 'retry-after': 1000 }))],
    })
    await expect(registerAll(service, 1)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(service.waits).toHaveLength(1)
    expect(service.waits[0]).toBeGreaterThan(0)
  })

  it('that refuses the whole batch says why', async () => {
    const service = new FakeService({ 'POST /batches': { status: 413, body: 'too large' } })
    await expect(registerAll(service, 2)).rejects.toMatchObject({ code: 'ERR_REQUEST' })
  })
})

it.each([404, 405])(
  'a service that answers batches with %i is asked one by one',
  async (status) => {
    const single = { status: 201, headers: { 'content-type': 'application/cose', location: `/entries/${id(1)}` }, body: receipt } // prettier-ignore
    const service = new FakeService({ 'POST /batches': { status }, 'POST /entries': single })
    const results = await registerAll(service, 130)
    expect(results.every(({ kind }) => kind === 'registered')).toBe(true)
    expect(service.paths.filter((path) => path === 'POST /batches')).toHaveLength(1)
  },
)
