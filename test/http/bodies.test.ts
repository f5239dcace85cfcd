/** Bodies however they arrive: with their header, in pieces, behind one another; each is read whole. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { decodeCbor } from '../../src/cbor/decode.ts'
import { splitCborSequence } from '../../src/cbor/sequence.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { TestRegistry } from '../support/test-registry.ts'

const open: TestRegistry[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function create(): Promise<{ service: TestRegistry; server: Server }> {
  const service = await TestRegistry.create()
  open.push(service)
  return { service, server: (await service.listen()).server }
}

function requestOf(body: Uint8Array, { path = '/entries', more = '', close = false } = {}): Buffer {
  const type = path === '/batches' ? 'application/cbor-seq' : 'application/cose'
  const head =
    `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n` +
    `${more}Connection: ${close ? 'close' : 'keep-alive'}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

/** Everything that the server says until it closes, after these pieces, one a turn of the loop. */
async function say(server: Server, pieces: readonly Uint8Array[]): Promise<Buffer> {
  const socket = connect((server.address() as AddressInfo).port)
  const said: Buffer[] = []
  socket.on('data', (chunk: Buffer) => said.push(chunk))
  const ended = once(socket, 'end')
  socket.setNoDelay(true)
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await ended
  socket.destroy()
  return Buffer.concat(said)
}

const statusLines = (answer: Buffer): readonly string[] =>
  answer.toString('latin1').match(/HTTP\/1\.1 \d+/g) ?? []
const entriesIn = (answer: Buffer): readonly string[] =>
  [...answer.toString('latin1').matchAll(/Location: \/entries\/([0-9a-f]{64})/g)].map(
    ([, id]) => id!,
  )

it('reads a body that comes with its header, one that comes in pieces, and one far behind', async () => {
  const { service, server } = await create()
  const statement = await service.statement(1)
  const { entryId } = parseSignedStatement(statement)
  const request = requestOf(statement, { close: true })
  const bodyAt = request.length - statement.length
  for (const cuts of [[], [bodyAt], [bodyAt + 1], [bodyAt + 100, bodyAt + 200], [10, bodyAt - 1]]) {
    const ends = [...cuts, request.length]
    const answer = await say(
      server,
      ends.map((end, at) => request.subarray(at === 0 ? 0 : ends[at - 1], end)),
    )
    expect(statusLines(answer), cuts.join()).toEqual(['HTTP/1.1 201'])
    expect(entriesIn(answer)).toEqual([entryId])
  }
})

it('reads bodies of one connection that come in one piece, each for itself', async () => {
  const { service, server } = await create()
  const statements = await Promise.all([1, 2, 3].map((at) => service.statement(at)))
  const requests = statements.map((body, at) => requestOf(body, { close: at === 2 }))
  const answer = await say(server, [Buffer.concat(requests)])
  expect(statusLines(answer)).toEqual(['HTTP/1.1 201', 'HTTP/1.1 201', 'HTTP/1.1 201'])
  expect(entriesIn(answer)).toEqual(statements.map((bytes) => parseSignedStatement(bytes).entryId))
})

it('keeps a connection in use, request after request', async () => {
  const { service, server } = await create()
  const statements = await Promise.all(
    Array.from({ length: 12 }, (_, at) => service.statement(at + 1)),
  )
  const answer = await say(
    server,
    statements.map((body, at) => requestOf(body, { close: at === 11 })),
  )
  expect(entriesIn(answer)).toEqual(statements.map((bytes) => parseSignedStatement(bytes).entryId))
})

it('says 100 to whoever asks, also when the body is there already', async () => {
  const { service, server } = await create()
  const statement = await service.statement(1)
  const request = requestOf(statement, { more: 'Expect: 100-continue\r\n', close: true })
  const answer = await say(server, [request])
  expect(statusLines(answer)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 201'])
})

it('refuses a body over the limit that comes with its header', async () => {
  const { server } = await create()
  const answer = await say(server, [requestOf(new Uint8Array(256 * 1024 + 1), { close: true })])
  expect(statusLines(answer)).toEqual(['HTTP/1.1 413'])
})

it('writes results of batches in deterministic CBOR', async () => {
  const { service, server } = await create()
  const statement = await service.statement(1)
  const refused = statement.slice()
  refused[refused.length - 1]! ^= 1
  const body = Buffer.concat([statement, refused])
  const answer = await say(server, [requestOf(body, { path: '/batches', close: true })])
  const results = splitCborSequence(answer.subarray(answer.indexOf('\r\n\r\n') + 4), {
    itemsMax: 2,
    itemBytesMax: 100_000,
  })
  expect(results).toHaveLength(2)
  for (const result of results) {
    expect(encodeCbor(decodeCbor(result))).toEqual(new Uint8Array(result))
  }
})
