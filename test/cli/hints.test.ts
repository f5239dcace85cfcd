/** What a person is told to do about an error has to fit its cause, where a code has several. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../src/bytes/base64.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { openApiTokens, openGuard } from '../../src/app/stores.ts'
import { readBoundKey } from '../../src/cli/attest/bind-options.ts'
import { hintFor } from '../../src/cli/hints.ts'
import { readAnchors } from '../../src/cli/trust-add.ts'
import { readTrustFile } from '../../src/cli/trust-file.ts'
import type { AttestryError } from '../../src/errors.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { parseTrustAnchors } from '../../src/statement/trust-anchor.ts'
import { log, register, sign, verify } from '../verify/fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'attestry-hints-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

async function refusal(work: Promise<unknown>): Promise<AttestryError> {
  return work.then(
    () => expect.fail('nothing was refused'),
    (error: unknown) => error as AttestryError,
  )
}

describe('the hint', () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['an anchor', (path) => readAnchors([path])],
    ['a bound key', readBoundKey],
  ])('about a private key as %s says where the public one is', async (_, read) => {
    const path = join(folder, 'issuer.pem')
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const error = await refusal(read(path))
    expect(error.message).toMatch(/issuer\.pem: this file holds a private key/)
    expect(error.code).toBe('ERR_KEY_PRIVATE')
    expect(hintFor(error)).toContain('.pub.cbor')
    expect(hintFor(error)).not.toContain('trust fetch')
  })

  it('about a private key within a file of anchors is the same', () => {
    const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const cose = encodeCbor(new Map<CborValue, CborValue>([[1, 1], [-1, 6], [-2, decodeBase64url(jwk.x!)], [-4, decodeBase64url(jwk.d!)]])) // prettier-ignore
    const anchor = { kind: 'cose-key', coseKey: encodeBase64url(cose), issuers: ['*'] }
    try {
      parseTrustAnchors([anchor])
      expect.fail('nothing was refused')
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_TRUST_CONFIGURATION' })
      expect(hintFor(error as AttestryError)).toContain('.pub.cbor')
    }
  })

  it.each<[string, (url: string) => Promise<unknown>]>([
    ['ERR_STORE_UNREACHABLE', (store) => openApiTokens({ store })],
    ['ERR_GUARD_UNREACHABLE', (guard) => openGuard({ guard })],
  ])('about a file that is named in a URL is about that file: %s', async (code, open) => {
    const parameters = 'sslmode=verify-full&sslrootcert=/nowhere/ca.pem'
    const error = await refusal(open(`postgres://attestry@127.0.0.1:1/log?${parameters}`))
    expect(error).toMatchObject({ code })
    expect(hintFor(error)).toContain('parameter')
  })

  it.each(['ERR_STORE_UNREACHABLE', 'ERR_TRUST_CONFIGURATION'] as const)(
    'about %s of another cause is the usual one',
    (code) => {
      const cause = new Error('connect ECONNREFUSED')
      expect(hintFor({ code, cause })).toMatch(/PostgreSQL has|trust fetch/)
    },
  )

  it('does not come from words: a message has the names of files in it', async () => {
    const path = join(folder, 'what holds a private key: the file that x names , this is a Receipt, it says') // prettier-ignore
    writeFileSync(path, 'garbage')
    const error = await refusal(readTrustFile(path))
    expect(error.message).toContain('this is a Receipt, it says')
    expect(hintFor(error)).toContain('trust fetch')
  })

  it('about a Receipt without its statement says where both are', async () => {
    const [receipt] = parseSignedStatement(await register(await sign(), log)).receipts
    const outcome = await verify(receipt!)
    if (outcome.kind !== 'not-verified') expect.fail(outcome.kind)
    expect(outcome.error.code).toBe('ERR_STATEMENT_MISSING')
    expect(hintFor(outcome.error)).toContain('/statement has both')
  })

  it('about a log that is not known tells of keys that were rotated, too', () => {
    const hint = hintFor({ code: 'ERR_RECEIPT_LOG_UNKNOWN' })
    expect(hint).toMatch(/attestry trust fetch .*--replace/)
  })
})
