/** Below, by name: by parts where the vendor counts parts, as a number where there is one. */
import { describe, expect, it } from 'vitest'
import { isSvnBelow, isSvnHex, svnAbove } from '../../../src/payload/tee/svn-order.ts'

describe('isSvnBelow', () => {
  it.each([
    ['sgx-tcb-svn', '0707', '0708', true],
    ['sgx-tcb-svn', '0807', '0708', true],
    ['sgx-tcb-svn', '0708', '0708', false],
    ['sgx-tcb-svn', '0809', '0708', false],
    ['reported-tcb', '03000816', '03000817', true],
    ['reported-tcb', '04000815', '03000816', true],
    // FMC in front: another generation of processors.
    ['reported-tcb', '0003000816', '03000817', false],
    ['pcesvn', '000d', '000e', true],
    ['pcesvn', '0100', '00ff', false],
    ['isvsvn', '00ff', '0100', true],
    // The module's minor version (byte 0) is compared beside the same major version (byte 1) only.
    ['tee-tcb-svn', '050102', '060102', true],
    ['tee-tcb-svn', '010202', '060102', false],
    ['tee-tcb-svn', '090102', '010202', true],
    ['tee-tcb-svn', '010202', '060103', true],
    ['tee-tcb-svn2', '010202', '060102', false],
    ['sgx-tcb-svn', '0708', '07', false],
    ['pcesvn', 'ZZ', 'aa', false],
    ['pcesvn', '0', '1', false],
  ])('%s %s below %s: %s', (name, value, limit, expected) => {
    expect(isSvnBelow(name, value, limit)).toBe(expected)
  })

  it('svnAbove is the least above, and nothing is above the greatest', () => {
    for (const [name, value] of [
      ['pcesvn', '00ff'],
      ['sgx-tcb-svn', 'ff0700'],
      ['tee-tcb-svn', 'ff0001'],
      ['tee-tcb-svn', '050103'],
    ] as const) {
      const above = svnAbove(name, value)!
      expect(isSvnBelow(name, value, above), `${name} ${value} ${above}`).toBe(true)
      expect(isSvnBelow(name, above, value)).toBe(false)
    }
    expect(svnAbove('pcesvn', '00ff')).toBe('0100')
    expect(svnAbove('sgx-tcb-svn', 'ffff')).toBeUndefined()
    expect(svnAbove('sgx-tcb-svn', 'x')).toBeUndefined()
  })

  it('only whole bytes of lower-case hex can be compared', () => {
    expect(['00', 'ab01'].every(isSvnHex)).toBe(true)
    expect(['', '0', 'AB', '0g', '00'.repeat(65)].some(isSvnHex)).toBe(false)
  })
})
