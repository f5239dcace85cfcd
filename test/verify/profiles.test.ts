/** What each log profile demands of a receipt beyond a path and a signature that hold. */
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import { testSigner } from '../support/test-signer.ts'

import { log, sign, trustedLog, trust, entryOf, register, verify, verified } from './fixture.ts'

let statement: Uint8Array
let transparent: Uint8Array
beforeAll(async () => {
  statement = await sign()
  transparent = await register(statement, log)
})

describe('profiles', () => {
  const kid = log.signer.publicKey.kid!
  const claims = (...entries: [number, CborValue][]): readonly [CborValue, CborValue] => [
    15,
    new Map(entries),
  ]
  const complete = claims([1, log.issuer], [2, log.origin], [6, 1], [-65537, 5])
  const incomplete: [string, [CborValue, CborValue][]][] = [
    ['kid', [[395, 1], [...complete]]],
    ['tree size', [[395, 1], [4, kid], [...claims([1, log.issuer], [2, log.origin])]]],
    ['sub', [[395, 1], [4, kid], [...claims([1, log.issuer], [-65537, 5])]]],
    ['iss', [[395, 1], [4, kid], [...claims([2, log.origin], [-65537, 5])]]],
    ['claims', [[395, 1], [4, kid]]],
    ['the log’s own origin', [[395, 1], [4, kid], [...claims([1, log.issuer], [2, 'x'], [-65537, 5])]]],
    ['the right tree size', [[395, 1], [4, kid], [...claims([1, log.issuer], [2, log.origin], [-65537, 6])]]],
  ] // prettier-ignore

  it('attestry accepts the complete header', async () => {
    const receipt = await log.foreignReceipt(entryOf(statement), [[395, 1], [4, kid], complete])
    expect((await verify(attachReceipts(statement, [receipt]))).kind).toBe('verified')
  })

  it.each(incomplete)('attestry demands %s', async (_, header) => {
    const receipt = await log.foreignReceipt(entryOf(statement), header)
    expect(await verify(attachReceipts(statement, [receipt]))).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_CLAIMS' },
    })
  })

  it.each(incomplete.slice(0, 5))(
    'rfc9162 accepts a receipt without %s, and says what is missing',
    async (_, header) => {
      const receipt = await log.foreignReceipt(entryOf(statement), header)
      const { origin: _origin, ...foreign } = trustedLog(log, { profile: 'rfc9162' })
      const result = verified(
        await verify(attachReceipts(statement, [receipt]), { trust: trust(foreign) }),
      )
      expect(result.positionAuthenticated).toBe(false)
      expect(result.registrationTime).toBeUndefined()
    },
  )

  it('the leaf rule is the log’s, never guessed', async () => {
    const header: [CborValue, CborValue][] = [
      [395, 1],
      [4, kid],
      [...claims([1, log.issuer], [2, 'any'])],
    ]
    const byDigest = attachReceipts(statement, [
      await log.foreignReceipt(entryOf(statement), header, 'entry-digest'),
    ])
    const { origin: _origin, ...foreign } = trustedLog(log, { profile: 'rfc9162' })
    expect((await verify(byDigest, { trust: trust(foreign) })).kind).toBe('not-verified')
    expect(
      (await verify(byDigest, { trust: trust({ ...foreign, leafRule: 'entry-digest' }) })).kind,
    ).toBe('verified')
  })

  it('vds counts from the protected header alone', async () => {
    const receipt = await log.foreignReceipt(entryOf(statement), [[4, kid], complete])
    expect(await verify(attachReceipts(statement, [receipt]))).toMatchObject({
      kind: 'not-verified',
      receipts: [{ status: 'malformed' }],
    })
  })

  it('a foreign log’s key that was pinned without a kid is found by its signature', async () => {
    const header: [CborValue, CborValue][] = [
      [395, 1],
      [4, encodeUtf8('key-1')],
      [...claims([1, log.issuer])],
    ]
    const bytes = attachReceipts(statement, [await log.foreignReceipt(entryOf(statement), header)])
    const { origin: _origin, ...foreign } = trustedLog(log, { profile: 'rfc9162' })
    const others = [testSigner().publicKey, testSigner('EdDSA').publicKey]
    expect(
      (await verify(bytes, { trust: trust({ ...foreign, keys: [...others, ...foreign.keys] }) }))
        .kind,
    ).toBe('verified')
    expect(await verify(bytes, { trust: trust({ ...foreign, keys: others }) })).toMatchObject({
      kind: 'not-verified',
    })
  })

  it('a rotated key’s receipts hold while it is pinned', async () => {
    const keys = [testSigner().publicKey, log.signer.publicKey]
    expect((await verify(transparent, { trust: trust(trustedLog(log, { keys })) })).kind).toBe(
      'verified',
    )
  })
})
