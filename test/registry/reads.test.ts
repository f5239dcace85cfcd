import { afterEach, describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { decodeCbor } from '../../src/cbor/decode.ts'
import type { CborMap } from '../../src/cbor/decode.ts'
import { parseCoseKey, parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyConsistencyReceipt, verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedTreeHead, verifySignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { NotFoundError } from '../../src/errors.ts'
import { ServiceKeys } from '../../src/registry/service-keys.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { TestRegistry } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'

const open: TestRegistry[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** A registry with `count` entries beside its genesis, one batch each. */
async function filled(count: number): Promise<{ service: TestRegistry; statements: Uint8Array[] }> {
  const service = await TestRegistry.create()
  open.push(service)
  const statements = []
  for (let number = 0; number < count; number++) {
    const statement = await service.statement(number)
    await service.registry.register(statement)
    statements.push(statement)
  }
  return { service, statements }
}

describe('receipts', () => {
  it('are fresh: the same index at a larger tree', async () => {
    const { service, statements } = await filled(9)
    const { entry, entryId } = parseSignedStatement(statements[0]!)
    const found = await service.registry.resolveReceipt(entryId)
    if (found.status !== 'registered') throw new Error('expected a Receipt')
    const receipt = parseReceipt(found.receipt)
    const key = service.serviceSigner.publicKey
    const shown = await verifyInclusionReceipt({ receipt, entry, key, leafRule: 'entry', verifier })
    expect(shown).toMatchObject({ leafIndex: 2, treeSize: 11 })
  })

  it('against a stored head are the same bytes each time', async () => {
    const { service, statements } = await filled(9)
    const { entry, entryId } = parseSignedStatement(statements[0]!)
    const first = await service.registry.receiptAtHead(entryId, treeSize(5))
    await service.registry.register(await service.statement(100))
    expect(await service.registry.receiptAtHead(entryId, treeSize(5))).toEqual(first)
    const receipt = parseReceipt(first)
    const key = service.serviceSigner.publicKey
    const shown = await verifyInclusionReceipt({ receipt, entry, key, leafRule: 'entry', verifier })
    expect(shown).toMatchObject({ leafIndex: 2, treeSize: 5 })
  })

  it('do not exist against a head that is unsigned, to come, or older than the entry', async () => {
    const { service, statements } = await filled(3)
    const { entryId } = parseSignedStatement(statements[2]!)
    for (const size of [0, 1, 4, 6]) {
      const refusal = service.registry.receiptAtHead(entryId, treeSize(size))
      await expect(refusal).rejects.toMatchObject({ code: 'ERR_HEAD_UNKNOWN' })
    }
  })

  it('do not exist for an unknown entry', async () => {
    const { service } = await filled(1)
    const refusal = service.registry.resolveReceipt('0'.repeat(64))
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_ENTRY_UNKNOWN' })
  })
})

describe('transparent statement', () => {
  it('is the canonical entry with one Receipt', async () => {
    const { service, statements } = await filled(2)
    const { entry, entryId } = parseSignedStatement(statements[1]!)
    const found = await service.registry.readTransparentStatement(entryId)
    if (found.status !== 'registered') throw new Error('expected a statement')
    const parsed = parseSignedStatement(found.transparentStatement)
    expect(parsed.entry).toEqual(entry)
    expect(parsed.receipts).toHaveLength(1)
  })
})

describe('tree heads', () => {
  it('are COSE_Sign1 that carry their root and verify', async () => {
    const { service } = await filled(3)
    const key = service.serviceSigner.publicKey
    for (const bytes of [
      service.registry.readCurrentHead(),
      await service.registry.readHead(treeSize(2)),
    ]) {
      await verifySignedTreeHead({ head: parseSignedTreeHead(bytes), key, verifier })
    }
    expect(parseSignedTreeHead(service.registry.readCurrentHead()).treeHead.treeSize).toBe(5)
  })

  it('are consistent between any two stored sizes', async () => {
    const { service } = await filled(6)
    const key = service.serviceSigner.publicKey
    for (let size1 = 2; size1 < 8; size1++) {
      for (let size2 = size1 + 1; size2 <= 8; size2++) {
        const sizes = { treeSize1: treeSize(size1), treeSize2: treeSize(size2) }
        const receipt = parseReceipt(await service.registry.makeConsistencyReceipt(sizes))
        const { rootHash } = parseSignedTreeHead(
          await service.registry.readHead(sizes.treeSize1),
        ).treeHead
        const shown = await verifyConsistencyReceipt({
          receipt,
          rootHash1: rootHash,
          treeSize1: size1,
          key,
          requireTreeSizeClaim: true,
          verifier,
        })
        expect(shown.treeSize).toBe(size2)
      }
    }
  })

  it.each([
    [0, 4, 'ERR_REQUEST'],
    [4, 4, 'ERR_REQUEST'],
    [4, 3, 'ERR_REQUEST'],
    [1, 4, 'ERR_HEAD_UNKNOWN'],
    [4, 99, 'ERR_HEAD_UNKNOWN'],
  ])('have no consistency Receipt from %i to %i', async (size1, size2, code) => {
    const { service } = await filled(3)
    const sizes = { treeSize1: treeSize(size1), treeSize2: treeSize(size2) }
    await expect(service.registry.makeConsistencyReceipt(sizes)).rejects.toMatchObject({ code })
  })
})

describe('service keys', () => {
  const active = { ...testSigner().publicKey, algorithm: -7 }
  const retired = { ...testSigner().publicKey, algorithm: -7 }
  const keys = new ServiceKeys([
    { key: retired, retired: true },
    { key: active, retired: false },
  ])

  it('are a COSE_KeySet, the active one first', () => {
    const spki = parseCoseKeySet(keys.encodeKeySet()).map((key) => key.spki)
    expect(spki).toEqual([active.spki, retired.spki])
  })

  it('say kid, alg and key_ops, and nothing private', () => {
    const map = decodeCbor(keys.encodeKey(encodeBase64url(active.kid!))) as CborMap
    expect([...map.keys()]).toEqual([1, 2, 3, 4, -1, -2, -3])
    expect(map.get(2)).toEqual(active.kid)
    expect(map.get(3)).toBe(-7)
    expect(map.get(4)).toEqual([2])
  })

  it('are found by unpadded base64url, retired ones too', () => {
    const found = parseCoseKey(keys.encodeKey(encodeBase64url(retired.kid!)))
    expect(found.spki).toEqual(retired.spki)
  })

  it('are found by a raw kid that is safe in a path', () => {
    const named = new ServiceKeys([
      { key: { ...active, kid: encodeUtf8('key-2026') }, retired: false },
    ])
    expect(parseCoseKey(named.encodeKey('key-2026')).spki).toEqual(active.spki)
    expect(parseCoseKey(named.encodeKey(encodeBase64url(encodeUtf8('key-2026')))).spki).toEqual(
      active.spki,
    )
  })

  it('a raw kid never shadows the base64url form of another', () => {
    const shadow = encodeUtf8(encodeBase64url(active.kid!))
    const both = new ServiceKeys([
      { key: { ...retired, kid: shadow }, retired: false },
      { key: active, retired: false },
    ])
    expect(parseCoseKey(both.encodeKey(encodeBase64url(active.kid!))).spki).toEqual(active.spki)
  })

  it.each(['', 'unknown', `${encodeBase64url(active.kid!)}=`, '__proto__', '../x'])(
    'are not found by %j',
    (kid) => {
      expect(() => keys.encodeKey(kid)).toThrow(NotFoundError)
    },
  )
})

describe('health', () => {
  it('verifies the current head', async () => {
    const { service } = await filled(1)
    expect(await service.registry.checkHealth()).toMatchObject({
      status: 'ok',
      issuer: 'https://log.example/1',
      origin: 'log.example/1',
      treeSize: 3,
      keyId: encodeBase64url(service.serviceSigner.publicKey.kid!),
    })
  })

  it('fails when the log has stopped', async () => {
    const { service } = await filled(1)
    service.fatal.push(new Error('disk'))
    expect(await service.registry.checkHealth()).toMatchObject({
      status: 'failing',
      failure: 'ERR_LOG_STOPPED',
    })
  })
})

describe('corrupt storage', () => {
  it('is detected and not served', async () => {
    let broken = false
    const service = await TestRegistry.create({
      wrapStore: (store) => {
        const read = store.readEntries.bind(store)
        store.readEntries = async (start, count) => {
          const stored = await read(start, count)
          if (start !== leafIndex(2) || count !== 1 || !broken) return stored
          return stored.map(({ entry, ...rest }) => ({ ...rest, entry: entry.map((b) => b ^ 1) }))
        }
        return store
      },
    })
    open.push(service)
    const statement = await service.statement(1)
    await service.registry.register(statement)
    broken = true
    const { entryId } = parseSignedStatement(statement)
    const refusal = service.registry.readTransparentStatement(entryId)
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_INVARIANT' })
  })
})
