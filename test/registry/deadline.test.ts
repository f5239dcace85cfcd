/** Waiting no longer than promised: what is in time, what is late, and what fails in either case. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { within } from '../../src/registry/deadline.ts'

const never = new Promise<string>(() => undefined)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('within', () => {
  it('gives what is there in time, and leaves no timer behind', async () => {
    await expect(within(1000, Promise.resolve('done'))).resolves.toBe('done')
    await Promise.resolve()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('fails as the work fails, and leaves no timer behind', async () => {
    await expect(within(1000, Promise.reject(new Error('no')))).rejects.toThrow('no')
    await Promise.resolve()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives nothing once the time is over, not earlier', async () => {
    let answer: unknown = 'waiting'
    void within(1000, never).then((value) => (answer = value))
    await vi.advanceTimersByTimeAsync(999)
    expect(answer).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    expect(answer).toBeUndefined()
  })

  it('ignores a failure after that', async () => {
    let fail: (error: Error) => void = () => undefined
    const work = new Promise<string>((_, reject) => (fail = reject))
    const answer = within(1000, work)
    await vi.advanceTimersByTimeAsync(1000)
    fail(new Error('too late'))
    await expect(answer).resolves.toBeUndefined()
  })
})
