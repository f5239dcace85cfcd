import { afterEach, describe, expect, it, vi } from 'vitest'
import { IndexPace } from '../../src/app/index-pace.ts'

async function isPending(promise: Promise<void> | undefined): Promise<boolean> {
  if (promise === undefined) return false
  return Promise.race([promise.then(() => false), Promise.resolve().then(() => true)])
}

afterEach(() => vi.useRealTimers())

describe('the pace of registrations', () => {
  const clock = { ms: 0 }
  const make = (): IndexPace => {
    clock.ms = 0
    return new IndexPace(() => clock.ms)
  }

  it('nobody waits while the index keeps up', () => {
    const pace = make()
    pace.released(10)
    clock.ms = 300
    expect(pace.wait()).toBeUndefined()
  })

  it('registrations wait for an index that is behind, until it is not', async () => {
    const pace = make()
    pace.released(10)
    clock.ms = 200
    pace.released(20)
    clock.ms = 301
    const waiting = pace.wait()
    expect(await isPending(waiting)).toBe(true)
    pace.indexed(9)
    expect(await isPending(waiting)).toBe(true)
    pace.indexed(10)
    await waiting
    expect(pace.wait()).toBeUndefined()
  })

  it('holds registrations until all that was released too long ago is indexed', async () => {
    const pace = make()
    for (const treeSize of [10, 20, 30, 40]) {
      pace.released(treeSize)
      clock.ms += 200
    }
    // 30 and 40 have waited for 400 and 200 ms.
    const waiting = pace.wait()
    pace.indexed(29)
    expect(await isPending(waiting)).toBe(true)
    pace.indexed(30)
    await waiting
    expect(pace.wait()).toBeUndefined()
  })

  it('no wait is longer than a second, and none leaves a timer behind', async () => {
    vi.useFakeTimers()
    const pace = make()
    pace.released(10)
    clock.ms = 301
    const first = pace.wait()
    vi.advanceTimersByTime(999)
    const second = pace.wait()
    expect(await isPending(first)).toBe(true)
    vi.advanceTimersByTime(1)
    await first
    expect(await isPending(second)).toBe(true)
    pace.indexed(10)
    await second
    expect(vi.getTimerCount()).toBe(0)
  })

  it('an index that fails holds nobody up', async () => {
    const pace = make()
    pace.released(10)
    clock.ms = 5000
    const waiting = pace.wait()
    pace.failing(true)
    await waiting
    expect(pace.wait()).toBeUndefined()
    pace.failing(false)
    expect(await isPending(pace.wait())).toBe(true)
  })
})
