/** CVSS v3 base scores, against published ones; and the guess what the value of a secret looks like. */
import { describe, expect, it } from 'vitest'
import { cvssBaseScore } from '../../../src/payload/cvss.ts'
import { looksLikeSecretValue } from '../../../src/payload/secret-value.ts'

describe('cvssBaseScore', () => {
  it.each([
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H', 10], // CVE-2021-44228
    ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:H/I:H/A:H', 9], // CVE-2021-45046
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8],
    ['CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 7.5], // CVE-2014-0160
    ['CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H', 7.8],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1],
    ['CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H', 9.9],
    ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H', 8.1],
    ['CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N', 0],
    ['CVSS:3.1/A:H/I:H/C:H/S:U/UI:N/PR:N/AC:L/AV:N/E:P/RL:O', 9.8],
  ])('of %s is %d', (vector, score) => {
    expect(cvssBaseScore(vector)).toBe(score)
  })

  it.each([
    '',
    'high',
    'AV:N/AC:L/Au:N/C:N/I:P/A:N',
    'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N',
    'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H',
    'CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    'CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    'CVSS:3.1/AV:toString/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
  ])('of %j is none', (vector) => {
    expect(cvssBaseScore(vector)).toBeUndefined()
  })
})

describe('looksLikeSecretValue', () => {
  it.each([
    'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
    'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0',
    '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  ])('is true for %s', (text) => expect(looksLikeSecretValue(text)).toBe(true))

  it.each(['NPM_TOKEN', 'secrets.DOCKERHUB_PASSWORD_2', 'vault/prod/database/readonly', ''])(
    'is false for %j',
    (text) => expect(looksLikeSecretValue(text)).toBe(false),
  )
})
