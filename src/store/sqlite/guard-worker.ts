/** The thread of `sqlite-guard.ts`: a connection of its own that replaces the head. */
import { workerData } from 'node:worker_threads'
import { advanceGuard, GUARD_SETTINGS } from './guard-row.ts'
import type { GuardAdvance } from './guard-row.ts'
import { openDatabase } from './database.ts'
import { answerWrites } from './write-thread.ts'

const database = openDatabase(workerData as string, GUARD_SETTINGS)
const advance = advanceGuard(database)

answerWrites(
  (request: GuardAdvance) => advance(request),
  () => database.close(),
)
