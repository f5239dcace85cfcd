/** How payloads are named, and when a statement holds its payload by name only. */
import { describe, expect, it } from 'vitest'
import { digest } from '../../src/bytes/digest.ts'
import { matchPayload } from '../../src/statement/hash-envelope.ts'
import {
  formatPayloadName,
  parsePayloadName,
  payloadNameOf,
} from '../../src/statement/payload-name.ts'
import { signFittingStatement } from '../../src/statement/sign-fitting-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { ENTRY_BYTES_MAX, parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { testSigner } from '../support/test-signer.ts'

const by = { issuer: 'https://i.example', subject: 's', contentType: 'text/plain', signer: testSigner() } // prettier-ignore

describe('payload names', () => {
  it.each([
    ['SHA-256', `sha256:${'0a'.repeat(32)}`],
    ['SHA-384', `sha384:${'0a'.repeat(48)}`],
    ['SHA-512', `sha512:${'0a'.repeat(64)}`],
  ])('of %s have one spelling', (algorithm, text) => {
    const name = parsePayloadName(text)
    expect(name.algorithm).toBe(algorithm)
    expect(formatPayloadName(name)).toBe(text)
  })

  it.each([
    '',
    'sha256',
    `sha256:${'0A'.repeat(32)}`,
    `SHA256:${'0a'.repeat(32)}`,
    `sha-256:${'0a'.repeat(32)}`,
    `sha256:${'0a'.repeat(31)}`,
    `sha512:${'0a'.repeat(32)}`,
    `sha1:${'0a'.repeat(20)}`,
    `sha256:${'0a'.repeat(32)}\n`,
    ` sha256:${'0a'.repeat(32)}`,
  ])('have no other one, like %j', (text) => {
    expect(() => parsePayloadName(text)).toThrow('a payload is named')
  })

  it('are what hash envelopes hold', async () => {
    const payload = new Uint8Array(10)
    for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] as const) {
      const statement = parseSignedStatement(await signStatement({ ...by, payload, hash }))
      expect(payloadNameOf(statement)).toEqual({ algorithm: hash, digest: digest(hash, payload) })
    }
    expect(payloadNameOf(parseSignedStatement(await signStatement({ ...by, payload })))).toBeUndefined() // prettier-ignore
  })
})

describe('signFittingStatement', () => {
  it('signs what fits whole, to the last byte, and by its digest from there on', async () => {
    const frame = (await signStatement({ ...by, payload: new Uint8Array(65_000) })).length - 65_000
    const fits = new Uint8Array(ENTRY_BYTES_MAX - frame)
    const whole = await signFittingStatement({ ...by, payload: fits })
    expect(whole.hash).toBeUndefined()
    expect(whole.statement.entry).toHaveLength(ENTRY_BYTES_MAX)
    for (const payload of [new Uint8Array(fits.length + 1), new Uint8Array(200_000)]) {
      const envelope = await signFittingStatement({ ...by, payload })
      expect(envelope.hash).toBe('SHA-256')
      matchPayload(envelope.statement, payload)
      expect(parseSignedStatement(envelope.bytes).headers.hashEnvelope).toEqual({
        ...{ algorithm: 'SHA-256', preimageContentType: 'text/plain' },
      })
    }
  })

  it('takes the digest that is asked for', async () => {
    const signed = await signFittingStatement({
      ...by,
      payload: new Uint8Array(1),
      hash: 'SHA-384',
    })
    expect(signed.hash).toBe('SHA-384')
  })
})
