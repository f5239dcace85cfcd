/** The thread of `sqlite-guard.ts`: a connection of its own that replaces the head. */
import { workerData } from 'node:worker_threads'
import { advanceGuard, GUARD_SETTINGS } from './guard-row.ts'
import { openFor } from './database.ts'
import { answerWrites } from './write-thread.ts'

answerWrites(() =>
  openFor(workerData as string, GUARD_SETTINGS, (database) => ({
    write: advanceGuard(database),
    close: () => database.close(),
  })),
)
