/** Evidence that there is another copy of this log: it stops, and says what to do. */
import { describe, expect, it } from 'vitest'
import { treeSize } from '../../src/bytes/integers.ts'
import { encodeCheckpoint, signCheckpoint } from '../../src/note/checkpoint.ts'
import { rejection } from '../support/error-code.ts'
import { noteSigner } from '../support/note-keys.ts'
import { appendMany, createTestLog, openTestLog, testPorts } from '../support/test-log.ts'
import {
  clientOf,
  conflict,
  failures,
  FakeWitness,
  fatal,
  log,
  logSigner,
  memoryStore,
  ORIGIN,
  ports,
  witnessed,
} from './fixture.ts'

describe('a witness that is ahead', () => {
  it('stops the log for good, and says what to do', async () => {
    const witness = new FakeWitness(logSigner)
    witness.script = () => Promise.resolve(conflict(7n))
    const client = clientOf([witness])
    await client.round()
    expect(fatal).toHaveLength(1)
    expect(fatal[0]).toMatchObject({ code: 'ERR_WITNESS_AHEAD' })
    expect(fatal[0]!.message).toMatch(/w0 says .* 7 entries .* has 2.*older copy.*newest copy/)
    expect(await rejection(() => appendMany(log, 'a', 1))).toBe('ERR_LOG_STOPPED')
    expect(log.currentHead().treeHead.treeSize).toBe(2)
    // It is not asked again.
    await client.round()
    expect(witness.requests).toHaveLength(1)
  })

  it('refuses the start', async () => {
    const witness = new FakeWitness(logSigner)
    witness.script = () => Promise.resolve(conflict(7n))
    expect(await rejection(() => clientOf([witness]).start())).toBe('ERR_WITNESS_AHEAD')
  })

  it('is not one that is behind what the log has by now', async () => {
    const witness = new FakeWitness(logSigner)
    witness.script = async () => {
      await appendMany(log, 'meanwhile', 9)
      return conflict(11n)
    }
    await clientOf([witness]).round()
    expect(fatal).toEqual([])
  })

  it('is not one that another node of the same log has asked', async () => {
    const witness = new FakeWitness(logSigner)
    witness.script = () => Promise.resolve(conflict(11n))
    const look = (): Promise<void> => appendMany(log, 'by another node', 9)
    await clientOf([witness], { log: { ...witnessed(log), look } }).round()
    expect(fatal).toEqual([])
  })

  it('is found in a restored copy of the log', async () => {
    const witness = new FakeWitness(logSigner)
    await appendMany(log, 'a', 5)
    await clientOf([witness]).round()
    const restored = testPorts({ signer: ports.signer })
    await createTestLog(restored)
    const copy = await openTestLog(restored)
    const client = clientOf([witness], { log: witnessed(copy.log) })
    expect(await rejection(() => client.start())).toBe('ERR_WITNESS_AHEAD')
    await copy.log.close()
  })

  it('may be this log itself, by the checkpoint that it kept', async () => {
    const store = memoryStore()
    await appendMany(log, 'a', 5)
    await clientOf([new FakeWitness(logSigner)], { store }).round()
    const restored = testPorts({ signer: ports.signer })
    await createTestLog(restored)
    const copy = await openTestLog(restored)
    const client = clientOf([new FakeWitness(logSigner)], {
      store,
      log: witnessed(copy.log),
    })
    expect(await rejection(() => client.start())).toBe('ERR_WITNESS_AHEAD')
    await copy.log.close()
  })
})

describe('a witness with another history', () => {
  /** A copy of the log that grew differently, and a witness that has cosigned it. */
  async function forked(monitoring: boolean, copies: number): Promise<FakeWitness> {
    const witness = new FakeWitness(logSigner)
    witness.monitoring = monitoring
    const other = testPorts({ signer: ports.signer })
    await createTestLog(other)
    const copy = await openTestLog(other)
    await appendMany(copy.log, 'other', copies)
    await clientOf([witness], { log: witnessed(copy.log) }).round()
    await copy.log.close()
    return witness
  }

  it('of the same size stops the log by our own signature', async () => {
    const witness = await forked(true, 3)
    await appendMany(log, 'ours', 3)
    await clientOf([witness]).round()
    expect(fatal[0]).toMatchObject({ code: 'ERR_WITNESS_FORK' })
    expect(await rejection(() => appendMany(log, 'a', 1))).toBe('ERR_LOG_STOPPED')
  })

  it('of a smaller size stops the log, too', async () => {
    const witness = await forked(true, 3)
    await appendMany(log, 'ours', 3)
    await appendMany(log, 'more', 3)
    await clientOf([witness]).round()
    expect(fatal[0]).toMatchObject({ code: 'ERR_WITNESS_FORK' })
  })

  it('of a size that this log never signed stops the log', async () => {
    const witness = await forked(true, 3)
    await appendMany(log, 'ours', 6)
    await clientOf([witness]).round()
    expect(fatal[0]).toMatchObject({ code: 'ERR_WITNESS_FORK' })
  })

  it('that shows nothing we signed is only reported', async () => {
    const witness = await forked(false, 3)
    await appendMany(log, 'ours', 3)
    const client = clientOf([witness])
    await client.round()
    expect(fatal).toEqual([])
    expect(failures()).toEqual(['ERR_RESPONSE'])
    expect(client.newestWitnessed()).toBeUndefined()
  })

  it('that shows a checkpoint of another key is only reported', async () => {
    const witness = await forked(true, 3)
    const record = (await witness.records.find(ORIGIN))!
    const forger = noteSigner(ORIGIN)
    const treeHead = { treeSize: treeSize(5), rootHash: record.rootHash }
    const forged = await signCheckpoint({ origin: ORIGIN, treeHead, signers: [forger] })
    witness.records.records.set(ORIGIN, { ...record, checkpoint: encodeCheckpoint(forged) })
    await appendMany(log, 'ours', 3)
    await clientOf([witness]).round()
    expect(fatal).toEqual([])
    expect(failures()).toEqual(['ERR_RESPONSE'])
  })
})
