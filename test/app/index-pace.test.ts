import { describe, expect, it } from 'vitest'
import { IndexPace } from '../../src/app/index-pace.ts'

async function isPending(promise: Promise<void> | undefined): Promise<boolean> {
  if (promise === undefined) return false
  return Promise.race([promise.then(() => false), Promise.resolve().then(() => true)])
}

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
