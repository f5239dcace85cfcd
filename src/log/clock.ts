/** The port for wall-clock time. Only the log reads it, once a batch; verification is given times. */
import type { UnixSeconds } from '../bytes/integers.ts'

/** Tells the time in whole seconds; may be wrong, and the log says what it does then. */
export interface Clock {
  now(): UnixSeconds
}
