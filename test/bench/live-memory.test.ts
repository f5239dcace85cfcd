/** The soak judges what lives after a full collection, summed over the threads, by a least-squares slope. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trendOf } from '../../bench/figures.ts'
import { readLiveMemory } from '../../bench/live-bytes.ts'

const PRELOADED = new URL('../../bench/collect-minutely.mjs', import.meta.url).href

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'attestry-live-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** A worker that inherits the options of its process, and one that does not. */
const PROGRAM = `
  import { Worker } from 'node:worker_threads'
  const empty = new URL('data:text/javascript,')
  new Worker(empty)
  new Worker(empty, { execArgv: [], env: {} })
`

describe('what a server holds', () => {
  it('is written by each thread that inherits the preloaded module', () => {
    const file = join(folder, 'threads.jsonl')
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
      env: {
        ...process.env,
        NODE_OPTIONS: `--import=${PRELOADED}`,
        BENCH_LIVE_MEMORY_FILE: file,
      },
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const threads = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { threadId: number }).threadId)
    expect(threads).toEqual([0, 1])
  })

  it('is the sum of heap and external memory over the threads of a minute', () => {
    const line = (of: object): string => JSON.stringify({ external: 7, arrayBuffers: 5, ...of })
    const lines = [
      line({ threadId: 0, heapUsed: 1, tookMs: 2 }),
      line({ threadId: 0, minute: 1, heapUsed: 90, tookMs: 9 }), // the other one is not there yet
      line({ threadId: 3, heapUsed: 1, tookMs: 1 }),
      line({ threadId: 0, minute: 2, heapUsed: 100, tookMs: 12 }),
      line({ threadId: 3, minute: 2, heapUsed: 40, tookMs: 3 }),
      line({ threadId: 3, minute: 3, heapUsed: 41, tookMs: 4 }),
      line({ threadId: 0, minute: 3, heapUsed: 110, tookMs: 10 }),
    ]
    expect(readLiveMemory(`${lines.join('\n')}\n`)).toEqual({
      threads: 2,
      sums: [
        { minute: 2, bytes: 154 },
        { minute: 3, bytes: 165 },
      ],
      pauseMs: 12,
    })
    expect(readLiveMemory('')).toEqual({ threads: 0, sums: [], pauseMs: 0 })
  })
})

describe('a trend', () => {
  it('is the slope of least squares and its standard error', () => {
    expect(
      trendOf([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toEqual({ slope: 2, error: 0 })
    const { slope, error } = trendOf([
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
    ])
    expect(slope).toBeCloseTo(0.2)
    // √(0.8 of squares left ÷ 2 degrees of freedom ÷ 5)
    expect(error).toBeCloseTo(Math.sqrt(0.08))
  })

  it('of too few points says that it knows nothing', () => {
    expect(trendOf([])).toEqual({ slope: 0, error: Infinity })
    expect(
      trendOf([
        [0, 1],
        [1, 3],
      ]),
    ).toEqual({ slope: 2, error: Infinity })
  })
})
