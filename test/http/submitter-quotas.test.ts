import { describe, expect, it } from 'vitest'
import { principalOf, SubmitterQuotas } from '../../src/http/submitter-quotas.ts'
import type { Submitter } from '../../src/registry/ports.ts'

const DAY_MS = 86_400_000

function submitterOf(claims: Record<string, string>, kind: 'oidc' | 'mtls' = 'oidc'): Submitter {
  return { claims: { kind, issuer: 'https://idp.example', claims } }
}

const one = submitterOf({ sub: 'a' })
const other = submitterOf({ sub: 'b' })

describe('quotas of submitters', () => {
  it('give bytes back evenly over a day', () => {
    let now = 0
    const quotas = new SubmitterQuotas({ perSecond: undefined, bytesPerDay: 1000 }, () => now)
    quotas.charge(one, 1000)
    quotas.charge(other, 1000)
    expect(() => quotas.charge(one, 1)).toThrow('1000 bytes a day')
    now = DAY_MS / 4
    expect(() => quotas.charge(one, 251)).toThrow('1000 bytes a day')
    quotas.charge(one, 250)
    expect(() => quotas.charge(one, 1)).toThrow('1000 bytes a day')
    now += DAY_MS
    quotas.charge(one, 1000)
  })

  it('say when to come back', () => {
    const quotas = new SubmitterQuotas({ perSecond: undefined, bytesPerDay: 1000 }, () => 0)
    quotas.charge(one, 900)
    try {
      quotas.charge(one, 350)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_QUOTA', retryAfterSeconds: 86_400 / 4 })
    }
  })

  it('are given back when the fault is ours', () => {
    const quotas = new SubmitterQuotas({ perSecond: 1, bytesPerDay: 1000 }, () => 0)
    for (let i = 0; i < 10; i++) {
      quotas.begin(one)
      quotas.charge(one, 1000)
      quotas.refund(one, 1000)
    }
    quotas.begin(one)
    expect(() => quotas.begin(one)).toThrow('requests per second')
  })

  it('forget the one that was seen least lately, and no other', () => {
    const quotas = new SubmitterQuotas({ perSecond: undefined, bytesPerDay: 10 }, () => 0)
    quotas.charge(one, 10)
    quotas.charge(other, 10)
    for (let i = 0; i < 9999; i++) quotas.charge(submitterOf({ sub: `s${i}` }), 1)
    quotas.charge(one, 10)
    expect(() => quotas.charge(submitterOf({ sub: 's5' }), 10)).toThrow()
  })

  it('are of a repository, not of each of its branches', () => {
    const main = submitterOf({ sub: 'repo:x:ref:main', repository_id: '7' })
    const branch = submitterOf({ sub: 'repo:x:ref:branch', repository_id: '7' })
    expect(principalOf(main)).toBe(principalOf(branch))
    expect(principalOf(submitterOf({ sub: '7' }))).not.toBe(principalOf(main))
    expect(principalOf(submitterOf({ sub: 'a' }, 'mtls'))).not.toBe(principalOf(one))
  })
})
