/**
 * kill -9 at random moments under load (I1, I2): no acknowledged entry lost, no index changed, every
 * earlier head consistent with every later one. 8 cycles; 100 with ATTESTRY_SLOW=1.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeCoseKey, parseCoseKeySet, type PublicKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyConsistencyReceipt, verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { attestry, serve, type ServerProcess } from '../support/server-process.ts'
import { testSigner } from '../support/test-signer.ts'

const CYCLES = slow ? 100 : 5
const CLIENTS = 16
const CHECKED_EACH_CYCLE = 200
const POLL = { timeout: 60_000, interval: 10 }

const folder = mkdtempSync(join(tmpdir(), 'attestry-kill-'))
const data = join(folder, 'data')
const signer = testSigner()
const random = randomFrom(seed)

interface Acknowledged {
  readonly entry: Uint8Array
  readonly entryId: string
  readonly leafIndex: number
}
interface Head {
  readonly treeSize: number
  readonly rootHash: RootHash
}
const acknowledged: Acknowledged[] = []
const heads = new Map<number, Head>()
let serviceKey: PublicKey
let statements = 0

function nextStatement(): Promise<Uint8Array> {
  const payload = encodeUtf8(`{"n":${statements++}}`)
  return signStatement({
    payload,
    issuer: 'https://a.example',
    subject: 's',
    contentType: 'application/json',
    signer,
  })
}

/** Verifies a receipt and remembers what it shows. */
async function understand(statement: Uint8Array, receipt: Uint8Array): Promise<Acknowledged> {
  const { entry, entryId } = parseSignedStatement(statement)
  const shown = await verifyInclusionReceipt({
    receipt: parseReceipt(receipt),
    entry,
    key: serviceKey,
    leafRule: 'entry',
    requireTreeSizeClaim: true,
    verifier,
  })
  const treeSize = Number(shown.treeSize)
  const known = heads.get(treeSize)
  if (known !== undefined)
    expect(shown.rootHash, `one root for size ${treeSize}`).toEqual(known.rootHash)
  heads.set(treeSize, { treeSize, rootHash: shown.rootHash })
  return { entry, entryId, leafIndex: Number(shown.leafIndex) }
}

async function client(url: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const statement = await nextStatement()
    try {
      const answer = await fetch(`${url}/entries`, {
        method: 'POST',
        body: statement as BodyInit,
        headers: { 'content-type': 'application/cose' },
      })
      const receipt = new Uint8Array(await answer.arrayBuffer())
      if (answer.status === 201) acknowledged.push(await understand(statement, receipt))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // the connection died with the server
      return
    }
  }
}

async function checkAcknowledged(url: string, sample: readonly Acknowledged[]): Promise<void> {
  for (const { entryId, leafIndex, entry } of sample) {
    const answer = await fetch(`${url}/entries/${entryId}`)
    expect(answer.status, `entry ${leafIndex}, seed ${seed}`).toBe(200)
    const again = await understand(entry, new Uint8Array(await answer.arrayBuffer()))
    expect(again.leafIndex, `entry ${entryId}, seed ${seed}`).toBe(leafIndex)
  }
}

async function checkConsistency(
  url: string,
  sizes: readonly number[],
  current: number,
): Promise<void> {
  for (const treeSize1 of sizes) {
    if (treeSize1 >= current) continue
    const answer = await fetch(`${url}/consistency/${treeSize1}/${current}`)
    expect(answer.status, `consistency ${treeSize1} to ${current}, seed ${seed}`).toBe(200)
    const receipt = parseReceipt(new Uint8Array(await answer.arrayBuffer()))
    const { rootHash1 } = { rootHash1: heads.get(treeSize1)!.rootHash }
    const shown = await verifyConsistencyReceipt({
      receipt,
      rootHash1,
      treeSize1,
      key: serviceKey,
      verifier,
    })
    expect(shown.rootHash).toEqual(heads.get(current)!.rootHash)
  }
}

function pick<T>(list: readonly T[], count: number): T[] {
  return list.length <= count
    ? [...list]
    : Array.from({ length: count }, () => list[random(list.length)]!)
}

async function fetchKey(server: ServerProcess): Promise<PublicKey> {
  const answer = await fetch(`${server.url}/.well-known/scitt-keys`)
  return parseCoseKeySet(new Uint8Array(await answer.arrayBuffer()))[0]!
}

beforeAll(async () => {
  const key = join(folder, 'issuer.pub.cbor')
  writeFileSync(key, encodeCoseKey(signer.publicKey))
  const made = await attestry(
    'init',
    '--data',
    data,
    '--origin',
    'kill.example/log',
    '--trust',
    key,
  )
  expect(made).toMatchObject({ code: 0 })
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('kill -9 under load', () => {
  it(`${CYCLES} cycles lose nothing`, async () => {
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const server = await serve(data)
      serviceKey = await fetchKey(server)
      const probe = await nextStatement()
      const answer = await fetch(`${server.url}/entries`, {
        method: 'POST',
        body: probe as BodyInit,
        headers: { 'content-type': 'application/cose' },
      })
      expect(answer.status).toBe(201)
      const first = await understand(probe, new Uint8Array(await answer.arrayBuffer()))
      const current = Math.max(...heads.keys())
      await checkAcknowledged(server.url, pick(acknowledged, CHECKED_EACH_CYCLE))
      await checkConsistency(server.url, pick([...heads.keys()], 20), current)
      acknowledged.push(first)
      const before = acknowledged.length
      let over = false
      const clients = Array.from({ length: CLIENTS }, () => client(server.url, () => over))
      // Every second one is killed once it answers, however slow the machine is; the others at any moment.
      const least = cycle % 2 === 0 ? 12 : 0
      await expect.poll(() => acknowledged.length - before, POLL).toBeGreaterThanOrEqual(least)
      await new Promise((resolve) => setTimeout(resolve, 50 + random(400)))
      await server.kill()
      over = true
      await Promise.all(clients)
    }
    const server = await serve(data)
    await checkAcknowledged(server.url, acknowledged)
    const probe = await nextStatement()
    const answer = await fetch(`${server.url}/entries`, {
      method: 'POST',
      body: probe as BodyInit,
      headers: { 'content-type': 'application/cose' },
    })
    await understand(probe, new Uint8Array(await answer.arrayBuffer()))
    await checkConsistency(server.url, [...heads.keys()], Math.max(...heads.keys()))
    expect(new Set(acknowledged.map(({ leafIndex }) => leafIndex)).size).toBe(acknowledged.length)
    expect(acknowledged.length).toBeGreaterThan(CYCLES * 5)
    expect(await server.stop()).toBe(0)
    expect(await attestry('log', 'check', '--data', data)).toMatchObject({ code: 0 })
    console.info(
      `${CYCLES} kills, ${acknowledged.length} acknowledged entries, ${heads.size} heads, seed ${seed}`,
    )
  }, 1_200_000)
})
