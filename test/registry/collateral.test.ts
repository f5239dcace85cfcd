/**
 * Collateral (D5, D6): what a decision used beside the statement is committed with the entry, served
 * by its digest, and enough to decide again; what it did not use is not kept.
 */
import supertest from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import { encodeSign1, signSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { decide } from '../../src/policy/decide.ts'
import { decodeChain, parseSubmitterCollateral } from '../../src/policy/collateral.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import type { Submitter } from '../../src/registry/ports.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { overlay } from '../support/overlay.ts'
import { EKU_CODE_SIGNING, issueCertificate, makeCa } from '../support/test-pki.ts'
import { createGate, ISSUER, TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'
import { signerFor } from '../support/test-signer.ts'
import { binary, bytesOf } from '../http/problem-body.ts'

const root = makeCa()
const between = makeCa({ ca: root, name: 'Between' })
const leaf = issueCertificate({ ca: between, eku: [EKU_CODE_SIGNING] })
const leafKey = publicKeyFromSpki(
  new Uint8Array(leaf.publicKey.export({ format: 'der', type: 'spki' })),
)
const signer = signerFor('ES256', leaf.privateKey, leafKey)
const chain = leaf.chain

/** A statement whose certificate is named by a protected x5t, with a chain that nobody signed. */
async function carried(number: number, unprotected: readonly Uint8Array[]): Promise<Uint8Array> {
  const claims = new Map<CborValue, CborValue>([
    [1, ISSUER],
    [2, `demo ${number}`],
  ])
  const protectedHeader = new Map<CborValue, CborValue>([
    [3, 'text/plain'],
    [15, claims],
    [34, [-16, sha256(leaf.der)]],
  ])
  const signed = await signSign1({ protectedHeader, payload: encodeUtf8(`${number}`), signer })
  const unprotectedBytes = encodeCbor(new Map([[33, unprotected]]))
  return encodeSign1({ ...parseSign1(signed), unprotectedBytes })
}

const services: TestRegistry[] = []
async function create(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const anchor = { kind: 'x509-root' as const, certificate: parseCertificate(root.der) }
  const service = await TestRegistry.create({
    anchors: [{ ...anchor, issuers: [ISSUER] }],
    ...options,
  })
  services.push(service)
  return service
}
afterEach(async () => {
  for (const one of services.splice(0)) await one.close()
})

const submitter: Submitter = {
  claims: { kind: 'api-token', issuer: 'https://log.example/1', claims: { token_id: 'ab' } },
}

describe('an unprotected chain that a decision used', () => {
  it('is committed with its entry, and with it the entry can be decided again', async () => {
    const service = await create()
    await service.registry.register(await carried(1, chain))
    const [piece, ...more] = await service.log.entryCollateral(2, 3)
    expect(more).toEqual([])
    expect(piece).toMatchObject({ leafIndex: 2, kind: 'x5chain' })
    const x5chain = decodeChain(await service.log.readCollateral(piece!.digest))
    expect(x5chain).toEqual(chain)

    const statement = parseSignedStatement(await service.log.readEntry(leafIndex(2)))
    expect(statement.unprotectedX5chain).toBeUndefined()
    const { registrationTime } = service.log.currentHead()
    const again = { statement, registrationTime, verifier: nodeSignatureVerifier }
    const rules = service.ports.rules()
    expect(await decide({ ...again, ...rules })).toMatchObject({ kind: 'reject' })
    expect(await decide({ ...again, ...rules, collateral: { x5chain } })).toMatchObject({
      kind: 'accept',
    })
  })

  it('satisfies an auditor who has public bytes only', async () => {
    const service = await create()
    const { url } = await service.listen()
    for (const number of [1, 2, 3]) {
      await service.registry.register(await carried(number, chain))
    }
    const log = { ...service.ports, log: service.log }
    await (await JournalWriter.open({ ports: log, signer: service.registrar })).write()
    const report = await auditRegistry(service, url)
    expect(report.counts).toMatchObject({ entries: 6, journals: 1 })
    expect(report.waitingFrom).toBeUndefined()
  })

  it('is that of the copy that was admitted first', async () => {
    const service = await create()
    const gate = createGate()
    service.hold.committing = gate
    // One entry: what is unprotected is not part of it.
    const { unprotectedHeader: _, ...parts } = parseSign1(await carried(1, chain))
    const chains = [chain.slice(1), chain, [...chain, root.der]]
    const copies = chains.map((one) =>
      encodeSign1({ ...parts, unprotectedBytes: encodeCbor(new Map([[33, one]])) }),
    )
    const settled = Promise.allSettled(copies.map((copy) => service.registry.register(copy)))
    await new Promise((resolve) => setTimeout(resolve, 50))
    gate.open()
    const outcomes = await settled
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    const pieces = await service.log.entryCollateral(2, 3)
    expect(pieces).toHaveLength(1)
    const kept = decodeChain(await service.log.readCollateral(pieces[0]!.digest))
    expect([chain, [...chain, root.der]]).toContainEqual(kept)
    expect(service.log.currentHead().treeHead.treeSize).toBe(3)
  })

  it('is not kept where the decision did without it', async () => {
    const service = await TestRegistry.create()
    services.push(service)
    const signed = parseSign1(await service.statement(1))
    const unprotectedBytes = encodeCbor(new Map([[33, chain]]))
    await service.registry.register(encodeSign1({ ...signed, unprotectedBytes }))
    expect(await service.log.entryCollateral(0, 3)).toEqual([])
  })
})

describe('GET /collateral/sha256:{hex}', () => {
  it('serves the bytes, for ever', async () => {
    const service = await create()
    const { server } = await service.listen()
    await service.registry.register(await carried(1, chain), submitter)
    const [claims, certificates] = await service.log.entryCollateral(2, 3)
    const get = (digest: string): supertest.Test =>
      binary(supertest(server).get(`/collateral/sha256:${digest}`))
    const served = await get(encodeHex(certificates!.digest))
    expect(served.status).toBe(200)
    expect(served.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': expect.stringContaining('immutable') as string,
    })
    expect(decodeChain(bytesOf(served))).toEqual(chain)
    const said = await get(encodeHex(claims!.digest))
    expect(parseSubmitterCollateral(bytesOf(said))).toEqual(submitter.claims)

    expect((await get('0'.repeat(64))).status).toBe(404)
    expect((await get('A'.repeat(64))).status).toBe(400)
    expect((await get('..%2f..')).status).toBe(400)
  })

  it('serves nothing that no released entry was admitted with', async () => {
    const service = await create({ answerWithinMs: 50 })
    service.hold.signing = createGate()
    expect(await service.registry.register(await carried(1, chain))).toMatchObject({
      status: 'pending',
    })
    const [piece] = await service.store.listEntryCollateral(2, 3)
    const hex = encodeHex(piece!.digest)
    await expect(service.registry.readCollateral(hex)).rejects.toMatchObject({
      code: 'ERR_COLLATERAL_UNKNOWN',
    })
    service.hold.signing.open()
    await service.registry.register(await carried(2, chain))
    expect(decodeChain(await service.registry.readCollateral(hex))).toEqual(chain)
  })

  it('serves no bytes that have another digest', async () => {
    const service = await create({
      wrapStore: (store) => {
        const changed = overlay(store)
        let reads = 0
        changed.findCollateral = async (digest) => {
          const found = await store.findCollateral(digest)
          // The first read is the log's own, before it signs.
          if (found !== undefined && reads++ > 0) found.bytes[9] = found.bytes[9]! ^ 1
          return found
        }
        return changed
      },
    })
    const { server } = await service.listen()
    await service.registry.register(await carried(1, chain))
    const [piece] = await service.log.entryCollateral(2, 3)
    const url = `/collateral/sha256:${encodeHex(piece!.digest)}`
    expect((await supertest(server).get(url)).status).toBe(500)
    expect(service.failures).toHaveLength(1)
  })

  it('is not signed for when the store did not keep it', async () => {
    const service = await create({
      wrapStore: (store) => {
        const changed = overlay(store)
        changed.findCollateral = async () => undefined
        return changed
      },
    })
    await expect(service.registry.register(await carried(1, chain))).rejects.toMatchObject({
      code: 'ERR_LOG_STOPPED',
    })
    expect(service.fatal[0]?.message).toContain('collateral')
  })
})
