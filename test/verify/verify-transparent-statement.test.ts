import { beforeAll, describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import type { TrustedLog, TrustPolicy, VerifiedStatement } from '../../src/verify/index.ts'
import { SmallLog } from './small-log.ts'
import { testSigner } from '../support/test-signer.ts'

import {
  payload,
  issuer,
  log,
  at,
  sign,
  trustedLog,
  trust,
  entryOf,
  register,
  verify,
  verified,
} from './fixture.ts'

let statement: Uint8Array
let transparent: Uint8Array
beforeAll(async () => {
  statement = await sign()
  transparent = await register(statement, log)
})

describe('a good Transparent Statement of an Attestry log', () => {
  it('is verified, with everything that was established', async () => {
    const result = verified(await verify(transparent))
    expect(result).toMatchObject({
      issuer,
      subject: 'pkg:npm/demo@1.0.0',
      entryId: parseSignedStatement(statement).entryId,
      registrationTime: log.registrationTime,
      issuerCheckedAt: log.registrationTime,
      treeSize: 5,
      leafIndex: 2,
      positionAuthenticated: true,
      payload: 'attached',
      nonConformances: [],
    })
    expect(result.log.issuer).toBe(log.issuer)
    expect(result.receipts).toMatchObject([{ status: 'verified', index: 0, vds: 1 }])
  })

  it.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'ESP256'])(
    'signed with %s',
    async (name) => {
      const by = testSigner(name)
      const own = new SmallLog({ signer: testSigner(name) })
      const bytes = await register(await sign({ signer: by }), own)
      const issuers: TrustAnchor[] = [{ kind: 'cose-key', key: by.publicKey, issuers: ['*'] }]
      const outcome = await verify(bytes, { trust: { ...trust(trustedLog(own)), issuers } })
      expect(outcome.kind).toBe('verified')
    },
  )

  it('in the smallest trees', async () => {
    const alone = new SmallLog({ neighbours: [] })
    const pair = new SmallLog({ neighbours: [Uint8Array.of(1)] })
    for (const one of [alone, pair]) {
      const bytes = await register(statement, one)
      expect((await verify(bytes, { trust: trust(trustedLog(one)) })).kind).toBe('verified')
    }
  })
})

describe('which link failed', () => {
  it('no receipt', async () => {
    expect(await verify(statement)).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_MISSING' },
    })
  })

  it('a receipt without its statement', async () => {
    const [receipt] = parseSignedStatement(transparent).receipts
    expect(await verify(receipt!)).toMatchObject({
      kind: 'not-verified',
      error: {
        code: 'ERR_STATEMENT_MISSING',
        message: expect.stringContaining('this is a Receipt') as string,
      },
    })
  })

  it('a receipt of a log that is not trusted', async () => {
    const other = new SmallLog({ issuer: 'https://other.example' })
    expect(await verify(await register(statement, other))).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_LOG_UNKNOWN' },
      receipts: [{ status: 'untrusted' }],
    })
  })

  it('a receipt in the name of a trusted log by another key', async () => {
    const impostor = new SmallLog()
    expect(await verify(await register(statement, impostor))).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_LOG_UNKNOWN' },
    })
  })

  it('a receipt by another key that claims the trusted key’s kid', async () => {
    const own = testSigner()
    const impostor = new SmallLog({
      signer: { ...own, publicKey: { ...own.publicKey, kid: log.signer.publicKey.kid! } },
    })
    expect(await verify(await register(statement, impostor))).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_SIGNATURE' },
      receipts: [{ status: 'failed' }],
    })
  })

  it('a good receipt about another statement', async () => {
    const other = await sign({ subject: 'pkg:npm/other@1.0.0' })
    const moved = attachReceipts(statement, [await log.receipt(entryOf(other))])
    expect(await verify(moved)).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_SIGNATURE' },
    })
  })

  it('a statement signature that is wrong, although the log took the entry', async () => {
    const message = parseSign1(statement)
    const forged = encodeSign1({ ...message, signature: new Uint8Array(64).fill(7) })
    expect(await verify(await register(forged, log))).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_STATEMENT_SIGNATURE' },
      receipts: [{ status: 'verified' }],
    })
  })

  it('a wrong signature also when only the receipt is asked for', async () => {
    const message = parseSign1(statement)
    const forged = encodeSign1({ ...message, signature: new Uint8Array(64).fill(7) })
    const outcome = await verify(await register(forged, log), { receiptOnly: true })
    expect(outcome.kind).toBe('not-verified')
  })

  it('an issuer whose anchor has another key', async () => {
    const bytes = await register(await sign({ signer: testSigner() }), log)
    expect(await verify(bytes)).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_ISSUER_KEY' },
    })
  })

  it('bytes that are no statement', async () => {
    for (const bytes of [
      new Uint8Array(),
      encodeUtf8('hello'),
      transparent.subarray(1),
      concatBytes(transparent, Uint8Array.of(0)),
    ]) {
      expect(await verify(bytes)).toMatchObject({ kind: 'not-verified', receipts: [] })
    }
  })

  it('a critical header that is not understood, also when only the receipt counts', async () => {
    const { signature, payload: signed, protectedHeader } = parseSign1(statement)
    const header = new Map(protectedHeader).set(2, ['attestedsvc']).set('attestedsvc', 1)
    const odd = encodeSign1({ protectedBytes: encodeCbor(header), payload: signed, signature })
    const outcome = await verify(await register(odd, log), {
      trust: { ...trust(trustedLog(log)), issuers: [] },
      receiptOnly: true,
    })
    expect(outcome).toMatchObject({ kind: 'not-verified', error: { code: 'ERR_COSE_CRIT' } })
  })
})

describe('cannot tell', () => {
  const nobody = (...logs: TrustedLog[]): TrustPolicy => ({ version: 1, logs, issuers: [] })

  it('without an anchor for the issuer, and says that the receipt holds', async () => {
    expect(await verify(transparent, { trust: nobody(trustedLog(log)) })).toMatchObject({
      kind: 'cannot-tell',
      missing: 'issuer-anchor',
      error: { code: 'ERR_ISSUER_UNKNOWN' },
      receipts: [{ status: 'verified' }],
    })
  })

  it('… unless only the receipt is asked for; then no issuer is claimed', async () => {
    const options = { trust: nobody(trustedLog(log)), receiptOnly: true }
    const result = verified(await verify(transparent, options))
    expect(result.issuer).toBeUndefined()
    expect(result.authenticatedIssuer).toBeUndefined()
    expect(result.log.issuer).toBe(log.issuer)
  })

  it('does not make up for a missing or bad receipt', async () => {
    const options = { trust: nobody(trustedLog(log)), receiptOnly: true }
    expect((await verify(statement, options)).kind).toBe('not-verified')
    expect((await verify(await register(statement, new SmallLog()), options)).kind).toBe(
      'not-verified',
    )
  })

  it('when every receipt is of an unknown kind, apart from "untrusted"', async () => {
    const mmr = await log.foreignReceipt(entryOf(statement), [[395, 3], [15, new Map([[1, log.issuer]])]]) // prettier-ignore
    const untrusted = await new SmallLog({ issuer: 'https://x.example' }).receipt(
      entryOf(statement),
    )
    expect(await verify(attachReceipts(statement, [untrusted, mmr]))).toMatchObject({
      kind: 'cannot-tell',
      missing: 'receipt-support',
      error: { code: 'ERR_RECEIPT_VDS' },
      receipts: [{ status: 'untrusted' }, { status: 'cannot-evaluate' }],
    })
  })

  it('a detached payload that is not given; given, it is matched by the signature', async () => {
    const { protectedBytes, signature } = parseSign1(statement)
    const detached = encodeSign1({ protectedBytes, payload: null, signature })
    const bytes = await register(detached, log)
    expect(await verify(bytes)).toMatchObject({ kind: 'cannot-tell', missing: 'payload' })
    expect(verified(await verify(bytes, { payload })).payload).toBe('matched')
    expect(await verify(bytes, { payload: encodeUtf8('other') })).toMatchObject({
      kind: 'not-verified',
    })
    const receiptOnly = {
      payload: encodeUtf8('other'),
      trust: nobody(trustedLog(log)),
      receiptOnly: true,
    }
    expect(verified(await verify(bytes, receiptOnly)).payload).toBe('withheld')
  })
})

describe('several receipts', () => {
  const second = new SmallLog({ issuer: 'https://second.example', origin: 'second/1' })

  it('of several logs all count; the first that holds is named', async () => {
    const bytes = await register(statement, second, log)
    const result = verified(
      await verify(bytes, { trust: trust(trustedLog(log), trustedLog(second)) }),
    )
    expect(result.logs.map((one) => one.issuer)).toEqual([second.issuer, log.issuer])
    expect(result.log.issuer).toBe(second.issuer)
  })

  it('of one log count once', async () => {
    const later = new SmallLog({
      signer: log.signer,
      registrationTime: at - 1,
      neighbours: [Uint8Array.of(9)],
    })
    const bytes = await register(statement, log, later)
    const result = verified(await verify(bytes))
    expect(result.receipts).toMatchObject([
      { status: 'verified' },
      { status: 'verified', duplicateOf: 0 },
    ])
    expect(result.logs).toHaveLength(1)
  })

  it('bogus ones before, behind and nested change nothing', async () => {
    const entry = entryOf(statement)
    const good = await log.receipt(entry)
    const bogus = [
      encodeUtf8('not a receipt'),
      new Uint8Array(),
      transparent,
      statement,
      good.subarray(0, good.length - 1),
      await second.receipt(entry),
      await new SmallLog().receipt(entry),
      await log.receipt(encodeUtf8('another entry')),
      await log.foreignReceipt(entry, [[395, 3]]),
      encodeCbor([good]),
    ]
    for (const receipts of [
      [...bogus, good],
      [good, ...bogus],
    ]) {
      const result = verified(await verify(attachReceipts(statement, receipts)))
      expect(result.receipts.filter(({ status }) => status === 'verified')).toHaveLength(1)
      expect(result.receipts).toHaveLength(bogus.length + 1)
    }
    expect((await verify(attachReceipts(statement, bogus))).kind).not.toBe('verified')
  })

  it('anything but byte strings in label 394 is no receipt', async () => {
    const { protectedBytes, payload: signed, signature } = parseSign1(statement)
    const good = parseSign1(await log.receipt(entryOf(statement)))
    const nested: CborValue[] = [good.protectedBytes, good.unprotectedHeader, null, good.signature]
    for (const value of [null, [], nested, [nested], await log.receipt(entryOf(statement))]) {
      const unprotectedBytes = encodeCbor(new Map<CborValue, CborValue>([[394, value]]))
      const bytes = encodeSign1({ protectedBytes, unprotectedBytes, payload: signed, signature })
      expect(await verify(bytes)).toMatchObject({ kind: 'not-verified' })
    }
  })

  it('only the first 64 are evaluated', async () => {
    const many = Array.from({ length: 70 }, (_, n) => Uint8Array.of(n, 1, 2))
    const bytes = attachReceipts(statement, [await log.receipt(entryOf(statement)), ...many])
    expect(verified(await verify(bytes)).receipts.at(-1)).toMatchObject({
      status: 'cannot-evaluate',
    })
  })
})

describe('payload', () => {
  it('attached: compared when given', async () => {
    expect(verified(await verify(transparent, { payload })).payload).toBe('matched')
    expect(await verify(transparent, { payload: encodeUtf8('{}') })).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_PAYLOAD_MISMATCH' },
    })
  })

  it('hash envelope: withheld, matched or wrong; the digest itself is not the payload', async () => {
    for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] as const) {
      const bytes = await register(await sign({ hash }), log)
      const withheld = verified(await verify(bytes))
      expect(withheld.payload).toBe('withheld')
      expect(verified(await verify(bytes, { payload })).payload).toBe('matched')
      const digest = withheld.statement.message.payload!
      for (const wrong of [digest, new Uint8Array(), encodeUtf8('x')]) {
        expect((await verify(bytes, { payload: wrong })).kind).toBe('not-verified')
      }
    }
  })
})

it('a VerifiedStatement cannot be made by anyone else', () => {
  // @ts-expect-error -- the constructor is private, and the package exports the type only
  const make = (): VerifiedStatement => new VerifiedStatement({})
  expect(make).toThrow(ReferenceError)
})
