/**
 * The serving thread is what a busy server waits for, and its own helpers are what it waits behind:
 * Node's thread pool, which verifies signatures, and V8's, which collects garbage, take the cores in turns
 * with it. Here they get them when it can do without. Measured: ADR 0040.
 */
import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/** Steps of `nice`: a thread of five more has a third of the time of one that wants the same core. */
const NICER_BY = 5
/** The least that a thread can be given. */
const NICEST = 19

/**
 * Lowers the threads that the process has so far beside this one; those it starts later are as this one.
 * Each thread has a priority of its own on Linux alone; elsewhere only the second half is done: this thread
 * collects young garbage by itself, since it would have to wait for helpers that come last.
 */
export function favourThisThread(): void {
  setFlagsFromString('--no-parallel-scavenge')
  const priority = Math.min(getPriority() + NICER_BY, NICEST)
  for (const thread of otherThreads()) {
    try {
      setPriority(thread, priority)
    } catch {
      // It has ended, or a sandbox forbids it: all that is lost is speed.
    }
  }
}

/** Ids of threads, which Linux takes where it takes those of processes. */
function otherThreads(): number[] {
  try {
    return readdirSync('/proc/self/task')
      .map(Number)
      .filter((thread) => thread !== process.pid)
  } catch {
    return []
  }
}
