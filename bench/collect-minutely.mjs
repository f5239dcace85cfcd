// Loaded first (NODE_OPTIONS) in a server that soaks, in each thread that inherits it: once when loaded and then at every full
// minute it collects all garbage and appends what is left as one line of JSON to $BENCH_LIVE_MEMORY_FILE.
import { appendFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { threadId } from 'node:worker_threads'

const MINUTE_MS = 60_000
const file = process.env['BENCH_LIVE_MEMORY_FILE'] ?? ''

setFlagsFromString('--expose-gc')
/** @type {(options?: { type: 'minor' }) => void} */
const collect = runInNewContext('gc')

/** @param {number} [minute] which one of Unix time it is; none for the line of the start */
function note(minute) {
  const began = performance.now()
  collect()
  // Buffers are freed, and no longer counted, beside it; the next one, however small, waits until they are.
  collect({ type: 'minor' })
  const tookMs = performance.now() - began
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  const live = { heapUsed, external, arrayBuffers }
  const line = { threadId, time: Date.now(), minute, ...live, tookMs }
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}

/** By the clock, so that the lines of all threads are of the same minutes. */
function noteEachMinute() {
  const minute = Math.floor(Date.now() / MINUTE_MS) + 1
  const timer = setTimeout(
    () => {
      note(minute)
      noteEachMinute()
    },
    minute * MINUTE_MS - Date.now(),
  )
  timer.unref()
}

note()
noteEachMinute()
