/**
 * What a command's exit status means. `verify` and `appraise` answer a question and have four answers; every
 * other command does something and has two outcomes. 4 is always "you asked in the wrong way". `audit`,
 * `mirror` and `monitor` have one more for every kind of fault of a log (monitor/audit-fault.ts).
 */
import type { FaultExitCode } from '../monitor/audit-fault.ts'

/** Exit statuses, by name; scripts rely on the numbers. */
export const EXIT = {
  /** Done; for `verify`: verified. */
  ok: 0,
  /** Failed; for `verify`: does not verify. */
  failed: 1,
  /** `verify` only: everything holds and the trust file's policy refuses it. */
  refused: 2,
  /** `verify` only: cannot tell, because something needed for an answer is missing. */
  cannotTell: 3,
  /**
   * Wrong command line, or a standard output that cannot be written; of `verify`, `appraise` and `attest` also
   * an input file that cannot be read, and of the last two one that holds no evidence.
   */
  usage: 4,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT] | FaultExitCode
