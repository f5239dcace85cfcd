/**
 * One look at the WAL: decides whether to copy it into the database file. Checkpoints run beside the
 * commits, in a worker, because in the commit path they make the tail of all latencies (libraries
 * §8). Nothing is at stake here: what fails, also to open the file, is tried again at the next look, and
 * the WAL has everything.
 */
import { openDatabase } from './database.ts'
import type { SqliteDatabase } from './database.ts'

/** How often to look. */
export const CHECKPOINT_PERIOD_MS = 200
/** A checkpoint gives up soon when a reader of an old state is in its way. */
const CHECKPOINT_BUSY_MS = 50

/** Frames of 4 KiB that are worth a checkpoint while commits go on. */
const FRAMES_MIN = 1000
/** With more frames than this (128 MiB) the WAL has to start again, for which commits wait. */
const FRAMES_MAX = 32_768
const CATCH_UP_ROUNDS_MAX = 5

interface Wal {
  /** Frames since the WAL last started again. */
  readonly frames: number
  /** Those that are not in the database file yet. */
  readonly waiting: number
}

function look(database: SqliteDatabase, mode: 'NOOP' | 'PASSIVE' | 'RESTART'): Wal {
  const rows = database.pragma(`wal_checkpoint(${mode})`)
  const [row] = rows as { readonly log: number; readonly checkpointed: number }[]
  return { frames: row?.log ?? 0, waiting: (row?.log ?? 0) - (row?.checkpointed ?? 0) }
}

/** Which WAL, and the length in frames at which it has to start again. */
export interface CheckpointsOptions {
  readonly path: string
  readonly framesMax?: number | undefined
}

export class Checkpoints {
  readonly #path: string
  readonly #framesMax: number
  #database: SqliteDatabase | undefined
  #framesBefore = 0

  constructor({ path, framesMax = FRAMES_MAX }: CheckpointsOptions) {
    this.#path = path
    this.#framesMax = framesMax
  }

  /**
   * Checkpoints beside the writer if it is due. Returns true when the WAL does not come to an end
   * this way and {@link restart} should be called while no commit runs.
   */
  run(): boolean {
    return this.#trying((database) => {
      const before = this.#framesBefore
      let wal = look(database, 'NOOP')
      this.#framesBefore = wal.frames
      const isIdle = wal.frames === before
      if (wal.waiting >= FRAMES_MIN || (isIdle && wal.waiting > 0)) {
        wal = look(database, 'PASSIVE')
      }
      if (wal.frames < this.#framesMax) return false
      // The less is left to copy, the shorter commits wait.
      for (let round = 0; round < CATCH_UP_ROUNDS_MAX && wal.waiting >= FRAMES_MIN; round++) {
        wal = look(database, 'PASSIVE')
      }
      return true
    })
  }

  /** Copies the rest, so that the next commit starts the WAL again at its beginning. */
  restart(): void {
    this.#trying((database) => look(database, 'RESTART').frames > 0)
  }

  close(): void {
    this.#database?.close()
  }

  /** False when the file cannot be read or written now. */
  #trying(work: (database: SqliteDatabase) => boolean): boolean {
    try {
      this.#database ??= openDatabase(this.#path, { busyMs: CHECKPOINT_BUSY_MS })
      return work(this.#database)
    } catch {
      return false
    }
  }
}
