import type { Server } from 'node:http'
import supertest from 'supertest'
import type { Test } from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { parseHeadBundle } from '../../src/cose/head-bundle.ts'
import { parseSignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { createVerifierKey, encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import { candidateOf } from '../support/test-log.ts'
import { readProof, verifiedLines } from '../support/c2sp-reader.ts'
import { rebuildLog, splitBundle } from '../support/c2sp-tree.ts'
import { noteSigner } from '../support/note-keys.ts'
import { LOG_ISSUER, LOG_ORIGIN, TestRegistry } from '../support/test-registry.ts'
import { binary, bytesOf } from './problem-body.ts'

const SIZE = 1100
const signer = noteSigner(LOG_ORIGIN)
const vkey = encodeVerifierKey(
  createVerifierKey({ kind: 'ed25519', name: LOG_ORIGIN, publicKey: signer.publicKey }),
)
const retired = createVerifierKey({
  kind: 'ed25519',
  name: LOG_ORIGIN,
  publicKey: noteSigner(LOG_ORIGIN).publicKey,
})

let service: TestRegistry
let server: Server
let entryId: string
let entry: Uint8Array

beforeAll(async () => {
  service = await TestRegistry.create({
    checkpointSigners: [signer],
    retiredCheckpointKeys: [retired],
    http: { schemas: new Map([['a.schema.json', new TextEncoder().encode('{}')]]) },
  })
  server = (await service.listen()).server
  entry = await service.statement(1)
  ;({ entryId } = await service.registry.register(entry))
  // What the entries are does not matter here, so the rest goes past admission.
  for (let at = 3; at < SIZE; at += 300) {
    const count = Math.min(300, SIZE - at)
    await Promise.all(
      Array.from({ length: count }, (_, of) => service.log.append(candidateOf(`${at + of}`))),
    )
  }
})
afterAll(() => service.close())

function get(path: string): Test {
  return binary(supertest(server).get(path).set('Accept-Encoding', 'identity'))
}
const bufferOf = async (path: string): Promise<Buffer> => {
  const response = await get(`/${path}`)
  expect(response.status, path).toBe(200)
  return Buffer.from(bytesOf(response))
}

describe('a C2SP reader that is not ours', () => {
  it('verifies the checkpoint, rebuilds the root from bundles, and matches every tile', async () => {
    const log = await rebuildLog(bufferOf, vkey)
    expect(log).toMatchObject({ origin: LOG_ORIGIN, size: SIZE, tiles: 6 })
    expect(encodeHex(sha256(log.entries[2]!))).toBe(entryId)
  })

  it('verifies the tlog-proof of an entry', async () => {
    const response = await get(`/entries/${entryId}/tlog-proof`)
    expect(response.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(response.headers['cache-control']).toBe('no-store')
    const [, , stored] = splitBundle(await bufferOf('tile/entries/000.p/3'))
    const checkpoint = readProof(decodeUtf8(bytesOf(response)), stored!)
    expect(verifiedLines(checkpoint, vkey)).toHaveLength(1)
  })
})

describe('the checkpoint', () => {
  it('is text that caches ask for again', async () => {
    const first = await get('/checkpoint')
    expect(first.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-cache',
      'access-control-allow-origin': '*',
    })
    const known = await get('/checkpoint').set('If-None-Match', first.headers['etag']!)
    expect(known.status).toBe(304)
    expect(known.headers['cache-control']).toBe('no-cache')
  })

  it('is signed once for a head', async () => {
    let signatures = 0
    const counting = {
      ...signer,
      sign: (data: Uint8Array) => {
        signatures += 1
        return signer.sign(data)
      },
    }
    const other = await TestRegistry.create({ checkpointSigners: [counting] })
    const { checkpoints } = other.registry
    const [a, b] = await Promise.all([checkpoints.encode(), checkpoints.encode()])
    expect(a).toEqual(b)
    expect(await checkpoints.encode()).toEqual(a)
    expect(signatures).toBe(1)
    await other.registry.register(await other.statement(1))
    expect(await checkpoints.encode()).not.toEqual(a)
    expect(signatures).toBe(2)
    await other.close()
  })

  it('is not answered when the signer returns a wrong signature, and is tried again', async () => {
    let isWrong = true
    const flaky = {
      ...signer,
      sign: async (data: Uint8Array) => (isWrong ? new Uint8Array(64) : signer.sign(data)),
    }
    const other = await TestRegistry.create({ checkpointSigners: [flaky] })
    const { checkpoints } = other.registry
    await expect(checkpoints.encode()).rejects.toMatchObject({ code: 'ERR_NOTE_SIGNATURE' })
    isWrong = false
    expect(verifiedLines(decodeUtf8(await checkpoints.encode()), vkey)).toHaveLength(1)
    await other.close()
  })

  it('is signed by both keys while one replaces the other', async () => {
    const next = noteSigner(LOG_ORIGIN)
    const other = await TestRegistry.create({ checkpointSigners: [next, signer] })
    const note = decodeUtf8(await other.registry.checkpoints.encode())
    const { publicKey } = next
    const nextKey = createVerifierKey({ kind: 'ed25519', name: LOG_ORIGIN, publicKey })
    expect(verifiedLines(note, vkey)).toHaveLength(1)
    expect(verifiedLines(note, encodeVerifierKey(nextKey))).toHaveLength(1)
    await other.close()
  })
})

describe('tiles and bundles', () => {
  it.each([
    ['/tile/0/000', 8192],
    ['/tile/0/000.p/1', 32],
    ['/tile/0/003.p/255', 255 * 32],
    ['/tile/0/004.p/76', 76 * 32],
    ['/tile/1/000.p/4', 4 * 32],
  ])('%s has %i bytes for ever', async (path, length) => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(bytesOf(response)).toHaveLength(length)
    expect(response.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'public, max-age=604800, immutable',
      'access-control-allow-origin': '*',
    })
    const head = await supertest(server).head(path)
    expect(head.headers['content-length']).toBe(String(length))
    expect(head.headers['etag']).toBe(response.headers['etag'])
    expect((await get(path).set('If-None-Match', head.headers['etag']!)).status).toBe(304)
  })

  it('a partial one is a prefix of every larger one', async () => {
    const full = await bufferOf('tile/entries/001')
    for (const width of [1, 17, 255]) {
      const partial = await bufferOf(`tile/entries/001.p/${width}`)
      expect(full.subarray(0, partial.length).equals(partial)).toBe(true)
      expect(splitBundle(partial)).toHaveLength(width)
    }
  })

  it.each([
    ['beyond the head', '/tile/0/004.p/77'],
    ['a full tile that is not full yet', '/tile/0/004'],
    ['beyond the head', '/tile/entries/004.p/77'],
    ['the next tile', '/tile/0/005.p/1'],
    ['beyond the head', '/tile/1/000.p/5'],
    ['a level above the tree', '/tile/2/000.p/1'],
    ['a level above all trees', '/tile/63/000.p/1'],
    ['a level that cannot be', '/tile/64/000'],
    ['leading zeros', '/tile/00/000'],
    ['leading zeros', '/tile/0/000.p/01'],
    ['a group too many', '/tile/0/x000/000'],
    ['a group too few', '/tile/0/0'],
    ['no x', '/tile/0/001/000'],
    ['a width that a full tile has', '/tile/0/000.p/256'],
    ['a width of nothing', '/tile/0/000.p/0'],
    ['an escape', '/tile/0/00%30'],
    ['a slash too many', '/tile/0/000/'],
    ['a slash too many', '/tile//0/000'],
    ['nothing', '/tile/'],
    ['another kind', '/tile/entry/000'],
    ['heads beyond the head', '/heads/bundle/004.p/77'],
    ['heads with leading zeros', '/heads/bundle/0000'],
  ])('%s is not there, and no cache keeps that: %s', async (_name, path) => {
    const response = await get(path)
    expect(response.status).toBe(404)
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.headers['content-encoding']).toBeUndefined()
    expect(response.headers['etag']).toBeUndefined()
    expect(response.headers['content-type']).toMatch(/problem/)
  })

  it('what was not there is served once it is', async () => {
    const other = await TestRegistry.create()
    const agent = supertest((await other.listen()).server)
    expect((await agent.get('/tile/0/000.p/3')).status).toBe(404)
    await other.registry.register(await other.statement(1))
    expect((await agent.get('/tile/0/000.p/3')).status).toBe(200)
    await other.close()
  })

  it('nothing that is committed and not signed shows', async () => {
    const other = await TestRegistry.create({ answerWithinMs: 50 })
    let open = (): void => undefined
    other.hold.signing = { opened: new Promise((done) => (open = done)), open: () => open() }
    const { status } = await other.registry.register(await other.statement(1))
    expect(status).toBe('pending')
    const path = { kind: 'entries', index: 0, width: 3 } as const
    await expect(other.registry.tiles.read(path)).rejects.toMatchObject({
      code: 'ERR_TILE_UNKNOWN',
    })
    expect(decodeUtf8(await other.registry.checkpoints.encode()).split('\n')[1]).toBe('2')
    await other.close()
  })

  it('only GET and HEAD', async () => {
    const response = await supertest(server).post('/tile/0/000')
    expect(response.status).toBe(405)
    expect(response.headers['allow']).toBe('GET, HEAD, OPTIONS')
  })
})

describe('compression', () => {
  it('of full bundles, when gzip is named, with an ETag of its own', async () => {
    const plain = await get('/tile/entries/000')
    const zipped = await get('/tile/entries/000').set('Accept-Encoding', 'br, gzip;q=0.5')
    // superagent decodes what it gets.
    expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    expect(plain.headers['vary']).toBe('Accept-Encoding')
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(zipped.headers['etag']).toBe(plain.headers['etag']!.replace(/"$/, '-gzip"'))
    expect(bytesOf(zipped)).toEqual(bytesOf(plain))
    const known = get('/tile/entries/000').set('Accept-Encoding', 'gzip')
    expect((await known.set('If-None-Match', zipped.headers['etag']!)).status).toBe(304)
  })

  it.each(['identity', 'gzip;q=0', '*', 'xgzip', ''])('not for "%s"', async (accepted) => {
    const response = await get('/tile/entries/000').set('Accept-Encoding', accepted)
    expect(response.headers['content-encoding']).toBeUndefined()
  })

  it('of nothing that does not get smaller, and of no partial', async () => {
    for (const path of ['/tile/0/000', '/tile/entries/000.p/3']) {
      const response = await get(path).set('Accept-Encoding', 'gzip')
      expect(response.headers['content-encoding']).toBeUndefined()
    }
  })
})

describe('head bundles', () => {
  it('hold every signed head, with its root', async () => {
    const sizes: number[] = []
    for (const [index, width] of [
      [0, 256],
      [1, 256],
      [2, 256],
      [3, 256],
      [4, 76],
    ] as const) {
      // prettier-ignore
      const name = width === 256 ? '' : `.p/${width}`
      const bundle = await bufferOf(`heads/bundle/00${index}${name}`)
      for (const head of parseHeadBundle(bundle)) {
        const { treeHead } = parseSignedTreeHead(head)
        expect(treeHead.treeSize).toBeGreaterThan(index * 256)
        expect(treeHead.treeSize).toBeLessThanOrEqual(index * 256 + width)
        expect(await service.log.headAt(treeHead.treeSize)).toMatchObject({ treeHead })
        sizes.push(treeHead.treeSize)
      }
    }
    expect(sizes.at(0)).toBe(2)
    expect(sizes.at(-1)).toBe(SIZE)
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
  })
})

describe('what clients are configured with', () => {
  it('is the verifier key, all keys, and a policy', async () => {
    expect((await bufferOf('log-key')).toString()).toBe(`${vkey}\n`)
    expect(JSON.parse((await bufferOf('log-keys')).toString())).toEqual({
      origin: LOG_ORIGIN,
      active: [vkey],
      retired: [encodeVerifierKey(retired)],
    })
    const policy = parseTlogPolicy(await bufferOf('tlog-policy'))
    expect(policy.quorum).toBe('none')
    expect(policy.logs.map(({ key, url }) => [encodeVerifierKey(key), url])).toEqual([
      [vkey, LOG_ISSUER],
    ])
  })

  it('are schemas', async () => {
    const response = await get('/schemas/a.schema.json')
    expect(response.headers['content-type']).toBe('application/schema+json')
    expect((await get('/schemas/b.schema.json')).status).toBe(404)
    expect((await get('/schemas/..%2fpackage.json')).status).toBe(404)
  })
})
