/**
 * One look at the WAL: decides whether to copy it into the database file. Checkpoints run beside the
 * commits, in a worker, because in the commit path they make the tail of all latencies (libraries
 * §8). Nothing is at stake here: a checkpoint that fails is tried again, the WAL has everything.
 */
import type { SqliteDatabase } from './database.ts'

/** How often to look. */
export const CHECKPOINT_PERIOD_MS = 200
/** A checkpoint gives up soon when a reader of an old state is in its way. */
export const CHECKPOINT_BUSY_MS = 50

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

export class Checkpoints {
  readonly #database: SqliteDatabase
  readonly #framesMax: number
  #framesBefore = 0

  constructor(database: SqliteDatabase, framesMax: number = FRAMES_MAX) {
    this.#database = database
    this.#framesMax = framesMax
  }

  /**
   * Checkpoints beside the writer if it is due. Returns true when the WAL does not come to an end
   * this way and {@link restart} should be called while no commit runs.
   */
  run(): boolean {
    const before = this.#framesBefore
    let wal = look(this.#database, 'NOOP')
    this.#framesBefore = wal.frames
    const isIdle = wal.frames === before
    if (wal.waiting >= FRAMES_MIN || (isIdle && wal.waiting > 0)) {
      wal = look(this.#database, 'PASSIVE')
    }
    if (wal.frames < this.#framesMax) return false
    // The less is left to copy, the shorter commits wait.
    for (let round = 0; round < CATCH_UP_ROUNDS_MAX && wal.waiting >= FRAMES_MIN; round++) {
      wal = look(this.#database, 'PASSIVE')
    }
    return true
  }

  /** Copies the rest, so that the next commit starts the WAL again at its beginning. */
  restart(): void {
    look(this.#database, 'RESTART')
  }
}
