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

/** Resident memory of `pid` in MiB: now, and at its peak. */
export function memoryMiB(pid: number): { readonly now: number; readonly peak: number } {
  const status = read(`/proc/${pid}/status`)
  const kib = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
  return { now: kib('VmRSS') / 1024, peak: kib('VmHWM') / 1024 }
}
