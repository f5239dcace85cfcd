import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { verifySignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { checkLog } from '../../src/log/check-log.ts'
import { readActiveKeys, retireOutgoingKeys, rotateKey } from '../../src/log/rotate-key.ts'
import { overlay } from '../support/overlay.ts'
import {
  candidateOf,
  createTestLog,
  newSigner,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'

describe('rotation of the receipt key', () => {
  it('a batch that a crash left unsigned is signed with the new key', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    const guard = overlay(ports.guard)
    guard.advance = () => Promise.reject(new Error('power cut'))
    const crashed = await openTestLog({ ...ports, guard })
    await expect(crashed.log.append(candidateOf('a'))).rejects.toThrow()
    expect(crashed.fatal).toHaveLength(1)

    const signer = newSigner()
    const { publicKey } = signer
    await rotateKey(ports, { purpose: 'receipt', publicKey })
    await expect(openTestLog(ports)).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
    const { log } = await openTestLog({ ...ports, signer })
    const head = log.currentHead()
    expect(head.treeHead.treeSize).toBe(3)
    await verifySignedTreeHead({ head, key: publicKey, verifier: nodeVerifier })
    await log.append(candidateOf('b'))
    await log.close()
    expect(await checkLog({ ...ports })).toMatchObject({ entries: 4, guard: 4 })
  })

  it('retires the key before, and takes no key twice', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    const { publicKey } = newSigner()
    await rotateKey(ports, { purpose: 'receipt', publicKey })
    const active = await readActiveKeys(ports.store, 'receipt')
    expect(active).toHaveLength(1)
    expect(equalBytes(active[0]!.coseKey, encodeCoseKey(publicKey))).toBe(true)
    const stored = await ports.store.listServiceKeys()
    expect(stored.filter(({ retiredAt }) => retiredAt !== undefined)).toHaveLength(1)
    for (const again of [publicKey, ports.signer.publicKey]) {
      const rotation = rotateKey(ports, { purpose: 'receipt', publicKey: again })
      await expect(rotation).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    }
  })

  it('keeps the order of keys while the clock stands', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    for (let at = 0; at < 3; at++) {
      const { publicKey } = newSigner()
      await rotateKey(ports, { purpose: 'checkpoint', publicKey })
      const active = await readActiveKeys(ports.store, 'checkpoint')
      expect(equalBytes(active[0]!.coseKey, encodeCoseKey(publicKey))).toBe(true)
      if (active.length > 1) await retireOutgoingKeys(ports)
    }
  })
})
