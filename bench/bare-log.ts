/**
 * A yardstick: the least that registers statements. Express with its prototypes set, signatures on the
 * thread pool, one transaction with FULL and one signature for whatever came in meanwhile, a path of
 * inclusion for each (`reference/libraries.md` §10, C'). No policy, payload, identity of issuers,
 * limits, tiles, guard, reading back or index. Arguments: DATABASE SPKI-base64. Prints its port.
 */
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Database from 'better-sqlite3'
import express from 'express'
import { ecdsaDer } from '../src/keys/ecdsa-signature.ts'
import { sigStructure } from '../src/cose/sign1.ts'
import { parseSign1 } from '../src/cose/parse-sign1.ts'
import { encodeCbor } from '../src/cbor/encode.ts'

const [file = ':memory:', spki = ''] = process.argv.slice(2)
const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
const service = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const database = new Database(file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec('CREATE TABLE entry (leaf_index INTEGER PRIMARY KEY, id BLOB UNIQUE, bytes BLOB)')
database.exec('CREATE TABLE head (tree_size INTEGER PRIMARY KEY, signature BLOB)')
const find = database.prepare('SELECT leaf_index FROM entry WHERE id = ?')
const insertEntry = database.prepare('INSERT INTO entry VALUES (?, ?, ?)')
const insertHead = database.prepare('INSERT INTO head VALUES (?, ?)')

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const [LEAF, NODE] = [Uint8Array.of(0), Uint8Array.of(1)]

/** Complete subtrees: of each height, all so far. */
const levels: Buffer[][] = [[]]

function append(leaf: Buffer): void {
  levels[0]!.push(leaf)
  for (let height = 0; levels[height]!.length % 2 === 0; height++) {
    const row = levels[height]!
    ;(levels[height + 1] ??= []).push(sha256(NODE, row.at(-2)!, row.at(-1)!))
  }
}

/** Incomplete subtrees up to the end of the tree, by their start; of one batch. */
const edge = new Map<number, Buffer>()

/** RFC 9162 §2.1.1 and §2.1.3.1 of the leaves from `start` to `end`. */
function root(start: number, end: number): Buffer {
  const size = end - start
  const height = Math.log2(size)
  if (Number.isInteger(height)) return levels[height]![start / size]!
  const split = start + 2 ** Math.floor(height)
  const known = edge.get(start) ?? sha256(NODE, root(start, split), root(split, end))
  edge.set(start, known)
  return known
}

function path(index: number, start: number, end: number): Buffer[] {
  if (end - start === 1) return []
  const split = start + 2 ** Math.ceil(Math.log2(end - start) - 1)
  return index < split
    ? [...path(index, start, split), root(split, end)]
    : [...path(index, split, end), root(start, split)]
}

interface Waiting {
  readonly id: Buffer
  readonly bytes: Buffer
  readonly answer: (receipt: Uint8Array) => void
}
let queue: Waiting[] = []

function writeBatch(): void {
  const batch = queue.filter(({ id }) => find.get(id) === undefined)
  queue = []
  const first = levels[0]!.length
  for (const { bytes } of batch) append(sha256(LEAF, bytes))
  edge.clear()
  const size = levels[0]!.length
  const signature = sign('sha256', root(0, size), service)
  database.transaction(() => {
    for (const [at, { id, bytes }] of batch.entries()) insertEntry.run(first + at, id, bytes)
    insertHead.run(size, signature)
  })()
  for (const [at, { answer }] of batch.entries()) {
    const proof = encodeCbor([size, first + at, path(first + at, 0, size)])
    answer(encodeCbor([signature, proof]))
  }
}

const app = express()
app.disable('x-powered-by').disable('etag').set('query parser', false)
app.post('/entries', (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    const { protectedBytes, payload, signature } = parseSign1(bytes)
    const data = sigStructure(protectedBytes, payload!)
    verify('sha256', data, key, ecdsaDer(signature, 'P-256')!, (error, isValid) => {
      if (error !== null || !isValid) {
        response.writeHead(400).end()
        return
      }
      const answer = (receipt: Uint8Array): void => {
        response.writeHead(201, {
          'Content-Type': 'application/cose',
          'Content-Length': receipt.length,
        })
        response.end(receipt)
      }
      if (queue.push({ id: sha256(bytes), bytes, answer }) === 1) setImmediate(writeBatch)
    })
  })
})

function ExpressRequest(this: IncomingMessage, ...args: unknown[]): void {
  ;(IncomingMessage as unknown as typeof ExpressRequest).call(this, ...args)
}
ExpressRequest.prototype = app.request
function ExpressResponse(this: ServerResponse, ...args: unknown[]): void {
  ;(ServerResponse as unknown as typeof ExpressResponse).call(this, ...args)
}
ExpressResponse.prototype = app.response
const classes = {
  IncomingMessage: ExpressRequest as unknown as typeof IncomingMessage,
  ServerResponse: ExpressResponse as unknown as typeof ServerResponse,
}
const server = createServer(classes, app).listen(0, '127.0.0.1', () => {
  console.log((server.address() as AddressInfo).port)
})
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeAllConnections()
})
