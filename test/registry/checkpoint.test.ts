import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeUtf8 } from '../../src/bytes/bytes.ts'
import type { LogWitnesses } from '../../src/log/witness.ts'
import type { SignedCheckpoint } from '../../src/note/checkpoint.ts'
import { signCosignature } from '../../src/note/cosignature.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import type { NoteSignature } from '../../src/note/signed-note.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { ByteCache } from '../../src/registry/byte-cache.ts'
import { signOwnCheckpoint, WITNESS_PATIENCE_SECONDS } from '../../src/registry/checkpoint.ts'
import { verifiedLines } from '../support/c2sp-reader.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'
import { LOG_ORIGIN, START_TIME, TestRegistry } from '../support/test-registry.ts'

const log = noteSigner(LOG_ORIGIN)
const witness = noteSigner('witness.example')
const witnessKey = verifierKeyOf(witness, 'cosignature/v1')

/** Witnesses that cosign when the test says so. */
class FakeWitnesses implements LogWitnesses {
  readonly policy = {
    logs: [],
    witnesses: [{ name: 'w', key: witnessKey, url: 'https://witness.example' }],
    groups: [],
    quorum: 'w',
  }
  #newest: SignedCheckpoint | undefined
  readonly #lines = new Map<number, NoteSignature>()

  async cosign(service: TestRegistry): Promise<number> {
    const { treeHead } = service.log.currentHead()
    const ports = { origin: LOG_ORIGIN, checkpointSigners: [log], verifier: nodeSignatureVerifier }
    const checkpoint = await signOwnCheckpoint(ports, treeHead)
    const signature = await signCosignature({ checkpoint, timestamp: START_TIME, signer: witness })
    this.#lines.set(treeHead.treeSize, signature)
    this.#newest = checkpoint
    return treeHead.treeSize
  }

  cosignaturesFor(size: number): readonly NoteSignature[] {
    const line = this.#lines.get(size)
    return line === undefined ? [] : [line]
  }

  newestWitnessed(): SignedCheckpoint | undefined {
    return this.#newest
  }

  whenWitnessed(): Promise<void> {
    return Promise.resolve()
  }
}

let witnesses: FakeWitnesses
let service: TestRegistry
let number = 0

beforeEach(async () => {
  witnesses = new FakeWitnesses()
  service = await TestRegistry.create({ checkpointSigners: [log], witnesses })
})
afterEach(() => service.close())

async function grow(): Promise<void> {
  await service.registry.register(await service.statement(number++))
}

/** Size of the published checkpoint, and whether the witness cosigned it. */
async function published(): Promise<[size: number, cosigned: boolean]> {
  const note = decodeUtf8(await service.registry.checkpoints.encode())
  expect(verifiedLines(note, encodeVerifierKey(verifierKeyOf(log, 'ed25519')))).toHaveLength(1)
  const cosigned = verifiedLines(note, encodeVerifierKey(witnessKey)).length === 1
  return [Number(note.split('\n')[1]), cosigned]
}

describe('a witnessed log', () => {
  it('publishes the largest head that its witnesses cosigned', async () => {
    await witnesses.cosign(service)
    expect(await published()).toEqual([2, true])
    await grow()
    expect(await published()).toEqual([2, true])
    await witnesses.cosign(service)
    await grow()
    expect(await published()).toEqual([3, true])
  })

  it('publishes its first head without waiting, and cosignatures as they come', async () => {
    expect(await published()).toEqual([2, false])
    await witnesses.cosign(service)
    expect(await published()).toEqual([2, true])
  })

  it('goes on without witnesses after a while, and never back', async () => {
    await witnesses.cosign(service)
    await grow()
    expect(await published()).toEqual([2, true])
    service.clock.time += WITNESS_PATIENCE_SECONDS - 1
    expect(await published()).toEqual([2, true])
    service.clock.time += 1
    expect(await published()).toEqual([3, false])
    await grow()
    await witnesses.cosign(service)
    await grow()
    expect(await published()).toEqual([4, true])
    service.clock.time += 10 * WITNESS_PATIENCE_SECONDS
    expect(await published()).toEqual([4, true])
  })

  it('does not publish a smaller witnessed head than what it published before', async () => {
    await grow()
    expect(await published()).toEqual([3, false])
    const stale = await TestRegistry.create({ checkpointSigners: [log] })
    await witnesses.cosign(stale)
    await stale.close()
    expect(await published()).toEqual([3, false])
  })

  it('gives proofs at the published checkpoint, and says "later" for what it does not cover', async () => {
    await witnesses.cosign(service)
    await published()
    const result = await service.registry.register(await service.statement(99))
    const { entryId } = result
    expect(await service.registry.readTlogProof(entryId)).toEqual({ status: 'pending' })
    await witnesses.cosign(service)
    const proof = await service.registry.readTlogProof(entryId)
    expect(proof.status).toBe('registered')
    await expect(service.registry.readTlogProof('0'.repeat(64))).rejects.toMatchObject({
      code: 'ERR_ENTRY_UNKNOWN',
    })
  })

  it('names its witnesses and its quorum in the policy for clients', () => {
    const policy = parseTlogPolicy(service.registry.logKeys.tlogPolicy)
    expect(policy.quorum).toBe('w')
    expect(policy.witnesses.map(({ key }) => key.keyId)).toEqual([witnessKey.keyId])
    expect(policy.logs).toHaveLength(1)
  })
})

describe('ByteCache', () => {
  it('holds no more bytes than it may, and forgets what was used longest ago', () => {
    const cache = new ByteCache<Uint8Array>(100, ({ length }) => length)
    cache.set('a', new Uint8Array(40))
    cache.set('b', new Uint8Array(40))
    expect(cache.get('a')).toHaveLength(40)
    cache.set('c', new Uint8Array(40))
    expect(cache.get('b')).toBeUndefined()
    expect(cache.get('a')).toHaveLength(40)
    cache.set('huge', new Uint8Array(101))
    expect(cache.get('huge')).toBeUndefined()
    expect(cache.get('c')).toHaveLength(40)
    cache.set('c', new Uint8Array(90))
    expect(cache.get('a')).toBeUndefined()
    expect(cache.get('c')).toHaveLength(90)
  })
})
