/** CPU time and memory of another process, from /proc; zeros where there is none (macOS). */
import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** User and system CPU seconds of all threads of `pid` so far. */
export function cpuSeconds(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND
}

/** Memory of a process, MiB. */
export interface Memory {
  /** Resident now, mapped files of the database among it. */
  readonly now: number
  readonly peak: number
  /** Resident now and of no file: what the process itself has to have. */
  readonly own: number
}

export function memoryMiB(pid: number): Memory {
  const status = read(`/proc/${pid}/status`)
  const mib = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
  return { now: mib('VmRSS'), peak: mib('VmHWM'), own: mib('RssAnon') }
}
