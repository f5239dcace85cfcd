/** The client of look-ups against services that are busy, away, or answer nonsense. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { followFeed } from '../../src/client/feed-events.ts'
import type { FeedSignal } from '../../src/client/feed-events.ts'
import { QueryClient } from '../../src/client/query-client.ts'

const ID = 'ab'.repeat(32)
const row = (index: number): Record<string, unknown> => ({
  ...{ index, entryId: ID, registeredAt: 5, kind: 'vsa', type: 't', findings: [] },
})
const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': status === 200 ? 'application/json' : 'application/problem+json', ...headers }, // prettier-ignore
  })
const problem = (code: string): Response =>
  json({ title: 'Service Unavailable', detail: 'not now', code }, 503, { 'retry-after': '1' })

/** A client whose service gives these answers in turn, and what it was asked. */
function clientOf(...answers: (() => Response)[]): { client: QueryClient; asked: string[] } {
  const asked: string[] = []
  const fetch = async (url: string): Promise<Response> => {
    asked.push(url)
    return answers[Math.min(asked.length, answers.length) - 1]!()
  }
  const client = new QueryClient({
    url: 'https://log.example/a',
    fetch,
    wait: async () => undefined,
  })
  return { client, asked }
}

describe('a look-up', () => {
  it('is written with every value as its own parameter', async () => {
    const { client, asked } = clientOf(() => json({ treeSize: 9, statements: [row(3)] }))
    const page = await client.find({ purl: 'pkg:npm/@a/b@1+2', attribute: ['x:1 2', 'y:&'] })
    expect(page).toEqual({ treeSize: 9, statements: [row(3)] })
    expect(asked).toEqual([
      'https://log.example/a/statements?purl=pkg%3Anpm%2F%40a%2Fb%401%2B2&attribute=x%3A1+2&attribute=y%3A%26',
    ])
  })

  it('goes from page to page by the cursor', async () => {
    const { client, asked } = clientOf(
      () => json({ treeSize: 9, statements: [row(3)], next: 'c1' }),
      () => json({ treeSize: 9, statements: [], next: 'c2' }),
      () => json({ treeSize: 9, statements: [row(1)] }),
    )
    const seen: number[] = []
    for await (const { statements } of client.pages({ kind: 'vsa' })) {
      seen.push(...statements.map(({ index }) => index))
    }
    expect(seen).toEqual([3, 1])
    expect(asked.map((url) => new URL(url).search)).toEqual([
      ...['?kind=vsa', '?kind=vsa&cursor=c1', '?kind=vsa&cursor=c2'],
    ])
  })

  it('waits for an index that lags, and not for one that is off', async () => {
    const lagging = clientOf(() => problem('ERR_INDEX_BEHIND'), () => json({ treeSize: 1, statements: [] })) // prettier-ignore
    expect((await lagging.client.find({})).treeSize).toBe(1)
    const off = clientOf(() => problem('ERR_INDEX_OFF'))
    await expect(off.client.find({})).rejects.toMatchObject({ name: 'UnavailableError' })
    expect(off.asked).toHaveLength(1)
    const busy = clientOf(() => problem('ERR_RATE_LIMITED'))
    await expect(busy.client.find({})).rejects.toThrow(/not now/)
    expect(busy.asked).toHaveLength(8)
  })

  it.each([
    ['text', () => new Response('hello')],
    ['a list', () => json([])],
    ['no tree size', () => json({ statements: [] })],
    ['a row without an index', () => json({ treeSize: 1, statements: [{ ...row(1), index: -1 }] })],
    [
      'an entry id that is none',
      () => json({ treeSize: 1, statements: [{ ...row(1), entryId: 'x' }] }),
    ],
    ['a number for a text', () => json({ treeSize: 1, statements: [{ ...row(1), issuer: 1 }] })],
    [
      'half facts',
      () => json({ treeSize: 1, statements: [{ ...row(1), facts: { digests: [] } }] }),
    ],
    ['a cursor that is no text', () => json({ treeSize: 1, statements: [], next: 1 })],
  ])('refuses %s for an answer', async (_what, answer) => {
    const { client } = clientOf(answer)
    await expect(client.find({})).rejects.toMatchObject({ code: 'ERR_RESPONSE' })
  })

  it('names the address of a page that is no answer', async () => {
    const { client } = clientOf(() => new Response('<html>', { status: 200 }))
    await expect(client.find({ kind: 'vsa' })).rejects.toMatchObject({
      code: 'ERR_RESPONSE',
      message: expect.stringMatching(/statements\?kind=vsa did not answer with JSON$/) as string,
    })
  })
})

const block = (index: number): string =>
  `id: ${index}\nevent: entry\ndata: ${JSON.stringify(row(index))}\n\n`

/** Answers with a stream of these pieces, which then ends, or stays open. */
function stream(pieces: readonly string[], { isOpen = false } = {}): () => Response {
  return () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const piece of pieces) controller.enqueue(encodeUtf8(piece))
          if (!isOpen) controller.close()
        },
      }),
      { headers: { 'content-type': 'text/event-stream' } },
    )
}

async function follow(
  client: QueryClient,
  count: number,
  options: { readonly silenceMs?: number } = {},
): Promise<FeedSignal[]> {
  const ending = new AbortController()
  const seen: FeedSignal[] = []
  const wait = async (): Promise<void> => undefined
  const parameters = { kind: 'vsa' }
  for await (const signal of followFeed(client, {
    parameters,
    after: -1,
    signal: ending.signal,
    wait,
    ...options,
  })) {
    seen.push(signal)
    if (seen.length === count) ending.abort()
  }
  return seen
}

describe('the stream of events', () => {
  it('is put together from pieces, and connected again after the last id', async () => {
    const text = `: hello\n\n${block(0)}id: 4\n\n${block(7)}`
    const { client, asked } = clientOf(
      stream([text.slice(0, 30), text.slice(30, 99), text.slice(99)]),
      stream([block(8)], { isOpen: true }),
    )
    const seen = await follow(client, 4)
    expect(seen.map(({ position, event }) => [position, event?.index])).toEqual([
      ...[[0, 0], [4, undefined], [7, 7], [8, 8]], // prettier-ignore
    ])
    expect(asked.map((url) => new URL(url).searchParams.get('after'))).toEqual(['-1', '7'])
  })

  it('is given up when it is silent for too long', async () => {
    const { client, asked } = clientOf(
      stream([block(1)], { isOpen: true }),
      stream([block(2)], { isOpen: true }),
    )
    expect(await follow(client, 2, { silenceMs: 50 })).toHaveLength(2)
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['goes back', `${block(5)}${block(4)}`],
    ['names another index', block(5).replace('id: 5', 'id: 6')],
    ['has no index', block(5).replace('id: 5', 'id: x')],
    ['is no JSON', 'id: 5\ndata: {\n\n'],
    ['never ends an event', 'x'.repeat(1_100_000)],
  ])('is refused where it %s', async (_what, text) => {
    const { client } = clientOf(stream([text]))
    await expect(follow(client, 5)).rejects.toMatchObject({ code: 'ERR_RESPONSE' })
  })

  it('tells what the service refuses, and gives up on one that stays away', async () => {
    const refused = clientOf(() => json({ title: 'Malformed request', detail: 'no such kind', code: 'ERR_REQUEST' }, 400)) // prettier-ignore
    await expect(follow(refused.client, 1)).rejects.toThrow(/no such kind/)
    const away = clientOf(() => problem('ERR_STREAMS_FULL'))
    await expect(follow(away.client, 1)).rejects.toThrow(/not now/)
  })
})
