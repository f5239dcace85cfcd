/** The thread of `threaded-guard.ts`: advances the guard, so that its fsync holds up nobody else. */
import { parentPort, workerData } from 'node:worker_threads'
import { AttestryError } from '../../errors.ts'
import { SqliteGuard } from './sqlite-guard.ts'
import type { AdvanceAnswer, AdvanceRequest } from './threaded-guard.ts'

const guard = SqliteGuard.open(workerData as string)

const answer = (message: AdvanceAnswer): void => parentPort?.postMessage(message)

parentPort?.on('message', (request: AdvanceRequest | 'close') => {
  if (request === 'close') {
    void guard.close().then(() => parentPort?.close())
    return
  }
  guard.advance(request.from, request.to).then(
    () => {
      answer({ isAdvanced: true })
    },
    (error: unknown) => {
      const { message } = error as Error
      const code: string | undefined =
        error instanceof AttestryError ? String(error.code) : undefined
      answer({ isAdvanced: false, message, code })
    },
  )
})
