/** What lives in the heaps of a server: what collect-minutely.mjs wrote, read. */
/** One line of collect-minutely.mjs. */
interface Line {
  readonly threadId: number
  /** Of Unix time; undefined where the thread started. */
  readonly minute?: number
  readonly heapUsed: number
  /** Outside of V8's heap but held by objects in it; `arrayBuffers` is a part of it. */
  readonly external: number
  readonly tookMs: number
}

/** A minute's sum over the threads. */
export interface LiveBytes {
  /** Of Unix time. */
  readonly minute: number
  readonly bytes: number
}

export interface LiveMemory {
  /** How many threads are in each sum. */
  readonly threads: number
  /** Oldest first. */
  readonly sums: readonly LiveBytes[]
  /** The longest that one thread stood still to be collected. */
  readonly pauseMs: number
}

/** Minutes in which a thread has no line (it was too busy, or not there) are left out: their sum would be of less. */
export function readLiveMemory(text: string): LiveMemory {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  const minutes = new Map<number, Map<number, Line>>()
  for (const line of lines) {
    if (line.minute === undefined) continue
    const threads = minutes.get(line.minute) ?? new Map<number, Line>()
    minutes.set(line.minute, threads.set(line.threadId, line))
  }
  const threads = Math.max(0, ...[...minutes.values()].map(({ size }) => size))
  const sums = [...minutes]
    .filter(([, of]) => of.size === threads)
    .map(([minute, of]) => ({
      minute,
      bytes: [...of.values()].reduce((sum, line) => sum + line.heapUsed + line.external, 0),
    }))
  return { threads, sums, pauseMs: Math.max(0, ...lines.map(({ tookMs }) => tookMs)) }
}
