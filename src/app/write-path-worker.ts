/** The thread of `thread-write-path.ts`: connections of its own to store and guard, and the receipt key. */
import { workerData } from 'node:worker_threads'
import { nativeHasher } from '../keys/native-hash.ts'
import { promptVerifier } from '../keys/node-verifier.ts'
import { CompactRange } from '../log/compact-range.ts'
import type { BatchStep } from '../log/observer.ts'
import { writeBatch } from '../log/write-batch.ts'
import type { WritePorts } from '../log/write-batch.ts'
import { assertInvariant } from '../errors.ts'
import type { BatchRequest } from '../store/sqlite/batch-thread.ts'
import { BatchWriter } from '../store/sqlite/batch-writer.ts'
import { openDatabase } from '../store/sqlite/database.ts'
import { ownSignedHead, unpackBatch } from '../store/sqlite/packed-batch.ts'
import type { UnpackedBatch } from '../store/sqlite/packed-batch.ts'
import { SqliteGuard } from '../store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import { answerWrites } from '../store/sqlite/write-thread.ts'
import type { Writing } from '../store/sqlite/write-thread.ts'
import { loadServiceSigner } from './service-signers.ts'
import { ownPeak } from './thread-write-path.ts'
import type { AfterCommit, AfterCommitAnswer, ThreadPaths } from './thread-write-path.ts'

answerWrites(() => startWriting(workerData as ThreadPaths))

async function startWriting(paths: ThreadPaths): Promise<Writing> {
  const opened: { close(): unknown }[] = []
  const close = async (): Promise<void> => {
    for (const one of opened.reverse()) await one.close()
  }
  const open = <Opened extends { close(): unknown }>(one: Opened): Opened => {
    opened.push(one)
    return one
  }
  try {
    const store = open(SqliteLogStore.open(paths.store, { mode: 'existing', readonly: true }))
    const guard = open(SqliteGuard.open(paths.guard, { worker: undefined }))
    const { origin, issuer, receiptKeyId } = await store.readState()
    const signer = await loadServiceSigner(paths, 'receipt', receiptKeyId)
    const ports = {
      store,
      guard,
      signer,
      verifier: promptVerifier,
      hasher: nativeHasher,
      origin,
      issuer,
    }
    const writer = new BatchWriter(open(openDatabase(paths.store)))
    return {
      write: (request: BatchRequest) => {
        if (request.kind === 'save-head') {
          writer.saveSignedHead(request.head)
          return undefined
        }
        const unpacked = unpackBatch(request.packed)
        const commit = async (): Promise<void> => writer.writeBatch(unpacked.batch, unpacked.ids)
        const { then } = request
        return then === undefined
          ? commit()
          : goOn({ ...ports, commit }, unpacked, then as AfterCommit)
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function goOn(
  ports: WritePorts,
  { batch: commit }: UnpackedBatch,
  { peaks, treeSize, from }: AfterCommit,
): Promise<AfterCommitAnswer> {
  const steps: [BatchStep, number][] = []
  const range = CompactRange.fromPeaks(treeSize, peaks, nativeHasher)
  const written = await writeBatch(ports, { commit, range, from }, (step) =>
    steps.push([step, performance.timeOrigin + performance.now()]),
  )
  assertInvariant(written.kind === 'written', 'a file that only one process writes was frozen')
  const { range: after, signed } = written
  const own = { peaks: after.peaks.map(ownPeak), signed: ownSignedHead(signed) }
  return { ...own, treeSize: after.treeSize, steps }
}
