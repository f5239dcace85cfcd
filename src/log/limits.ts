/** The log's limits, each with a name; `Log.open` accepts others for tests and for operators. */

/** Bounds of queue and batch. */
export interface LogLimits {
  readonly batchEntriesMax: number
  readonly batchBytesMax: number
  readonly queueEntriesMax: number
  readonly queueBytesMax: number
  /** Seconds that the clock may be behind the last registration time before batches are refused. */
  readonly clockBehindSecondsMax: number
  /** After this long without a batch, the last signed head is copied into the store. */
  readonly idleSaveMs: number
  /** Full tiles kept in memory, 16 KiB each. */
  readonly cacheTilesMax: number
}

export const LOG_LIMITS: LogLimits = {
  batchEntriesMax: 1024,
  batchBytesMax: 8 * 1024 * 1024,
  queueEntriesMax: 4096,
  queueBytesMax: 64 * 1024 * 1024,
  clockBehindSecondsMax: 10,
  idleSaveMs: 1000,
  cacheTilesMax: 512,
}

/** An entry fits a C2SP entry bundle, whose length prefix is a uint16 (design D1). */
export const ENTRY_BYTES_MAX = 65_535
