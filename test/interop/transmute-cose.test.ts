/**
 * npm @transmute/cose, unmodified, verifies what this registry serves over HTTP: statement,
 * Receipts of inclusion and Receipts of consistency. It has its own CBOR, COSE and Merkle code, and
 * knows nothing of us but the bytes and the published keys.
 */
import * as transmute from '@transmute/cose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { publicKeyToJwk } from '../../src/cose/jwk.ts'
import { parseCoseKey } from '../../src/cose/public-key.ts'
import type { PublicKey } from '../../src/cose/public-key.ts'
import { HEADER } from '../../src/cose/labels.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { parseSignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import { TestRegistry } from '../support/test-registry.ts'

type Jwk = transmute.PublicKeyJwk

let service: TestRegistry
let url: string
const statements: Uint8Array[] = []
const locations: string[] = []
const COUNT = 20

beforeAll(async () => {
  service = await TestRegistry.create()
  url = (await service.listen()).url
  for (let number = 0; number < COUNT; number++) {
    const statement = await service.statement(number)
    const response = await fetch(`${url}/entries`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/cose' },
      body: new Uint8Array(statement),
    })
    statements.push(statement)
    locations.push(response.headers.get('location')!)
  }
})
afterAll(() => service.close())

async function fetchBytes(path: string): Promise<ArrayBuffer> {
  const response = await fetch(url + path)
  if (response.status !== 200) throw new Error(`${path} was answered ${response.status}`)
  return response.arrayBuffer()
}

function jwk(key: PublicKey): Jwk {
  return { ...publicKeyToJwk(key), alg: 'ES256' } as unknown as Jwk
}

/** The service's key by the kid of a Receipt, from the service; the issuer's key from its owner. */
const resolve = async (message: ArrayBuffer): Promise<Jwk> => {
  const kid = parseSign1(new Uint8Array(message)).protectedHeader.get(HEADER.keyId) as Uint8Array
  if (encodeBase64url(kid) === encodeBase64url(service.signer.publicKey.kid!)) {
    return jwk(service.signer.publicKey)
  }
  const path = `/.well-known/scitt-keys/${encodeBase64url(kid)}`
  return jwk(parseCoseKey(new Uint8Array(await fetchBytes(path))))
}

async function verify(coseSign1: ArrayBuffer): Promise<ArrayBuffer[]> {
  const verifier = await transmute.receipt.verifier({ resolve })
  const payload = parseSign1(new Uint8Array(coseSign1)).payload!
  const verified = await verifier.verify({ coseSign1, payload: new Uint8Array(payload).buffer })
  return verified.receipts
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

async function rootOf(head: string): Promise<Uint8Array> {
  const { treeHead } = parseSignedTreeHead(new Uint8Array(await fetchBytes(head)))
  return new Uint8Array(treeHead.rootHash)
}

describe('@transmute/cose', () => {
  it('verifies every Transparent Statement, to the root of the first head that has it', async () => {
    for (const [number, location] of locations.entries()) {
      const [root] = await verify(await fetchBytes(`${location}/statement`))
      expect(new Uint8Array(root!)).toEqual(await rootOf(`/heads/${number + 3}`))
    }
  })

  it('verifies every fresh Receipt, to the root of the current head', async () => {
    const current = await rootOf('/heads/current')
    for (const [number, location] of locations.entries()) {
      const fresh = new Uint8Array(await fetchBytes(location))
      const [root] = await verify(buffer(attachReceipts(statements[number]!, [fresh])))
      expect(new Uint8Array(root!)).toEqual(current)
    }
  })

  it('verifies a statement with several Receipts, against stored heads', async () => {
    const statement = new Uint8Array(await fetchBytes(`${locations[0]}/statement`))
    const receipts = []
    for (const size of [4, 7, 15, 21, 22]) {
      receipts.push(new Uint8Array(await fetchBytes(`${locations[0]}/receipts/${size}`)))
    }
    expect(await verify(buffer(attachReceipts(statement, receipts)))).toHaveLength(6)
  })

  it('refuses the Receipt of another statement', async () => {
    const statement = new Uint8Array(await service.statement(0))
    const receipt = new Uint8Array(await fetchBytes(locations[1]!))
    await expect(verify(buffer(attachReceipts(statement, [receipt])))).rejects.toThrow()
  })

  // It leaves out step 2 of RFC 9162 §2.1.4.2 ("hmm erata?" in its source), so it cannot verify
  // proofs from sizes that are powers of two, whoever made them.
  it('verifies Receipts of consistency between served heads', async () => {
    for (const [size1, size2] of [
      [3, 4],
      [3, 8],
      [7, 22],
      [21, 22],
    ] as const) {
      const [oldRoot, newRoot] = await Promise.all(
        [size1, size2].map(async (size) => {
          const head = parseSignedTreeHead(new Uint8Array(await fetchBytes(`/heads/${size}`)))
          return buffer(head.treeHead.rootHash)
        }),
      )
      const consistent = await transmute.receipt.consistency.verify({
        oldRoot: oldRoot!,
        newRoot: newRoot!,
        receipt: await fetchBytes(`/consistency/${size1}/${size2}`),
        verifier: transmute.detached.verifier({ resolver: { resolve } }),
      })
      expect(consistent).toBe(true)
    }
  })

  it('verifies a served head as a plain COSE_Sign1', async () => {
    const verifier = transmute.attached.verifier({ resolver: { resolve } })
    const payload = await verifier.verify({ coseSign1: await fetchBytes('/heads/current') })
    expect(new Uint8Array(payload)).toEqual(
      new Uint8Array(service.log.currentHead().treeHead.rootHash),
    )
  })
})
