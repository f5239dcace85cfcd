/** Receipts and statements that others made: published vector sets and production files. */
import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8, equalBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import type { CborMap, CborValue } from '../../src/cbor/decode.ts'
import { decodeCbor } from '../../src/cbor/decode.ts'
import {
  parseCoseKey,
  parseCoseKeySet,
  publicKeyFromPem,
  publicKeyFromSpki,
} from '../../src/cose/public-key.ts'
import type { PublicKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { sigStructure } from '../../src/cose/sign1.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import {
  encodeTrustPolicy,
  parseTrustPolicy,
  verifyTransparentStatement,
} from '../../src/verify/index.ts'
import type { TrustedLog, TrustPolicy, VerificationOutcome } from '../../src/verify/index.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { golden } from '../support/golden-vector.ts'
import { recoverP384 } from './recover-p384.ts'
import { hasVectors, readVector, readVectorJson } from '../support/vectors.ts'

/** Through the trust file's text, as users do. */
const trusting = (logs: readonly TrustedLog[], issuers: readonly TrustAnchor[]): TrustPolicy =>
  parseTrustPolicy(encodeTrustPolicy({ version: 1, logs, issuers }))

const anchor = (key: PublicKey): TrustAnchor => ({ kind: 'cose-key', key, issuers: ['*'] })
const seconds = (text: string): number => Date.parse(text) / 1000

describe('the golden vector of standards.md §12', () => {
  const log: TrustedLog = {
    issuer: 'https://ts.example',
    profile: 'rfc9162',
    leafRule: 'entry',
    keys: parseCoseKeySet(golden.serviceKeySet),
  }
  const trust = trusting([log], [anchor(parseCoseKey(golden.issuerKey))])
  const transparentStatement = attachReceipts(golden.entry1, [golden.inclusionReceipt])
  const at = seconds('2026-11-24')

  it('verifies, payload withheld or matched', async () => {
    expect(encodeHex(sha256(transparentStatement))).toBe(golden.transparentStatementSha256)
    const outcome = await verifyTransparentStatement({ transparentStatement, trust, at })
    expect(outcome).toMatchObject({
      kind: 'verified',
      statement: {
        entryId: golden.entryIds[1],
        issuer: 'https://vendor.example',
        subject: 'pkg:npm/demo@1.0.0',
        payload: 'withheld',
        treeSize: 2,
        leafIndex: 1,
        positionAuthenticated: false,
        nonConformances: [],
      },
    })
    const matched = await verifyTransparentStatement({
      transparentStatement,
      trust,
      at,
      payload: golden.preimage,
    })
    expect(matched).toMatchObject({ kind: 'verified', statement: { payload: 'matched' } })
  })

  it('does not count as an Attestry receipt: the tree size is not signed', async () => {
    const strict = trusting([{ ...log, profile: 'attestry' }], trust.issuers)
    expect(
      await verifyTransparentStatement({ transparentStatement, trust: strict, at }),
    ).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_CLAIMS' },
    })
  })

  it('does not verify under the other leaf rule, nor does a consistency receipt', async () => {
    const other = trusting([{ ...log, leafRule: 'entry-digest' }], trust.issuers)
    expect(
      (await verifyTransparentStatement({ transparentStatement, trust: other, at })).kind,
    ).toBe('not-verified')
    const wrong = attachReceipts(golden.entry1, [golden.consistencyReceipt])
    expect(
      await verifyTransparentStatement({ transparentStatement: wrong, trust, at }),
    ).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_MALFORMED' },
    })
  })
})

interface Expected {
  readonly reconstructed_root: string | null
  readonly statement_signature_valid: boolean
  readonly receipt_valid: boolean
  readonly result: 'VALID' | 'INVALID'
  readonly failure_code?: string
  readonly tree_size: number | null
}

describe.skipIf(!hasVectors)('scitt-cose v1', () => {
  const at = seconds('2026-06-27T00:00:00Z')
  const path = (set: string, file: string): string => `scitt/scitt-cose-v1/${set}/${file}`
  const pem = (set: string, file: string): PublicKey =>
    publicKeyFromPem(decodeUtf8(readVector(path(set, file))))

  async function run(set: string, profile: 'rfc9162' | 'ccf'): Promise<VerificationOutcome> {
    const receipt = readVector(path(set, 'receipt.cose'))
    const log: TrustedLog = {
      issuer: parseReceipt(receipt).claims.issuer ?? 'unnamed',
      profile,
      leafRule: profile === 'ccf' ? 'entry' : 'entry-digest',
      keys: [pem(set, 'log-key.pub')],
    }
    return verifyTransparentStatement({
      transparentStatement: attachReceipts(readVector(path(set, 'statement.cose')), [receipt]),
      trust: trusting([log], [anchor(pem(set, 'issuer-key.pub'))]),
      payload: readVector(path(set, 'payload.bin')),
      at,
    })
  }

  const CODES: Readonly<Record<string, string>> = {
    BAD_STATEMENT_SIGNATURE: 'ERR_STATEMENT_SIGNATURE',
    TAMPERED_INCLUSION_PATH: 'ERR_RECEIPT_SIGNATURE',
    UNSUPPORTED_VDS: 'ERR_RECEIPT_VDS',
  }

  it.each([
    ['valid-es256', 'rfc9162'],
    ['valid-eddsa', 'rfc9162'],
    ['valid-ccf-vds2', 'ccf'],
    ['fail-bad-statement-sig', 'rfc9162'],
    ['fail-tampered-path', 'rfc9162'],
    ['fail-unsupported-vds', 'rfc9162'],
    ['fail-unsupported-vds', 'ccf'],
  ] as const)('%s as %s', async (set, profile) => {
    const expected = readVectorJson<Expected>(path(set, 'expected.json'))
    const outcome = await run(set, profile)
    const receipt =
      outcome.kind === 'verified' ? outcome.statement.receipts[0] : outcome.receipts[0]
    expect(receipt?.status === 'verified').toBe(expected.receipt_valid)
    if (receipt?.status === 'verified' && expected.reconstructed_root !== null) {
      expect(encodeHex(receipt.rootHash)).toBe(expected.reconstructed_root)
    }
    if (expected.result === 'VALID') {
      expect(outcome.kind).toBe('verified')
      return
    }
    expect(outcome.kind).toBe('not-verified')
    // Under the profile that its label names, the wrong proof is what is found.
    const code = profile === 'ccf' ? 'ERR_RECEIPT_MALFORMED' : CODES[expected.failure_code ?? '']
    if (outcome.kind !== 'verified') expect(outcome.error.code).toBe(code)
  })

  it('peers’ receipts verify without kid and claims, and that is reported', async () => {
    const outcome = await run('valid-es256', 'rfc9162')
    expect(outcome).toMatchObject({
      statement: {
        nonConformances: expect.arrayContaining([
          'receipt names no key (kid)',
          'receipt has no iss claim',
          'receipt has no sub claim',
        ]) as string[],
      },
    })
  })

  it('valid-ccf-vds2 by its did:x509 chain, while it is valid', async () => {
    const receipt = readVector(path('valid-ccf-vds2', 'receipt.cose'))
    const statement = readVector(path('valid-ccf-vds2', 'statement.cose'))
    const chain = parseSignedStatement(statement).headers.x5chain ?? []
    const root: TrustAnchor = {
      kind: 'x509-root',
      certificate: parseCertificate(chain.at(-1)!),
      issuers: ['did:x509:*'],
    }
    const log: TrustedLog = {
      issuer: parseReceipt(receipt).claims.issuer ?? '',
      profile: 'ccf',
      leafRule: 'entry',
      keys: [pem('valid-ccf-vds2', 'log-key.pub')],
    }
    const outcome = await verifyTransparentStatement({
      transparentStatement: attachReceipts(statement, [receipt]),
      trust: trusting([log], [root]),
      at,
    })
    expect(outcome).toMatchObject({
      kind: 'verified',
      statement: { nonConformances: ['the subject (CWT claim sub, 2) is missing'] },
    })
  })
})

describe.skipIf(!hasVectors)('Microsoft production statements (scitt-for-phi)', () => {
  const file = (name: string): Uint8Array => readVector(`scitt/scitt-for-phi/${name}`)
  // Long after the signing certificate expired: the receipt tells when the statement was there.
  const at = seconds('2026-11-24')

  let known: { trust: TrustPolicy; anchorOnly: TrustPolicy } | undefined

  function setUp(): { trust: TrustPolicy; anchorOnly: TrustPolicy } {
    if (known !== undefined) return known
    const { entry, receipts, headers } = parseSignedStatement(file('1ts-statement.scitt'))
    const receipt = parseReceipt(receipts[0]!)
    const { message } = receipt
    const key = recoverP384(
      sigStructure(message.protectedBytes, ccfRoot(receipt.proofs, entry)),
      message.signature,
    ).find((spki) => equalBytes(encodeUtf8(encodeHex(sha256(spki))), receipt.keyId!))
    const root: TrustAnchor = {
      kind: 'x509-root',
      certificate: parseCertificate((headers.x5chain ?? []).at(-1)!),
      issuers: ['did:x509:*'],
    }
    const log: TrustedLog = {
      issuer: 'esrp-cts-cp.confidential-ledger.azure.com',
      profile: 'ccf',
      leafRule: 'entry',
      keys: [publicKeyFromSpki(key!)],
    }
    known = { trust: trusting([log], [root]), anchorOnly: trusting([], [root]) }
    return known
  }

  /** Independent of src/: draft-ietf-scitt-receipts-ccf-profile as it works in production. */
  function ccfRoot(proofs: CborMap, entry: Uint8Array): Uint8Array {
    const [encoded] = proofs.get(-1) as readonly Uint8Array[]
    const proof = decodeCbor(encoded!) as CborMap
    const [transaction, evidence, data] = proof.get(1) as [Uint8Array, string, Uint8Array]
    expect(encodeHex(data)).toBe(encodeHex(sha256(entry)))
    const join = (...parts: Uint8Array[]): Uint8Array =>
      sha256(decodeHex(parts.map(encodeHex).join('')))
    let hash = join(transaction, sha256(encodeUtf8(evidence)), data)
    for (const [left, sibling] of proof.get(2) as readonly (readonly CborValue[])[] as [
      boolean,
      Uint8Array,
    ][]) {
      hash = left ? join(sibling, hash) : join(hash, sibling)
    }
    return hash
  }

  it('one receipt: verified under the recovered service key and the root', async () => {
    const { trust } = setUp()
    const payload = readVector('provenance/in-toto/model-manifest.json')
    const transparentStatement = file('1ts-statement.scitt')
    const outcome = await verifyTransparentStatement({ transparentStatement, trust, at, payload })
    expect(outcome).toMatchObject({
      kind: 'verified',
      statement: {
        payload: 'matched',
        issuerCheckedAt: seconds('2025-06-19T22:05:41Z'),
        registrationTime: undefined,
        positionAuthenticated: false,
      },
    })
  })

  it('two receipts: the unknown kind is reported and changes nothing', async () => {
    const { trust } = setUp()
    const outcome = await verifyTransparentStatement({
      transparentStatement: file('2ts-statement.scitt'),
      trust,
      at,
    })
    expect(outcome).toMatchObject({ kind: 'verified', statement: { payload: 'withheld' } })
    const statuses =
      outcome.kind === 'verified' ? outcome.statement.receipts.map(({ status }) => status) : []
    expect([...statuses].sort()).toEqual(['cannot-evaluate', 'verified'])
  })

  it('nothing is trusted by itself', async () => {
    const { anchorOnly } = setUp()
    const options = { trust: anchorOnly, at: seconds('2025-06-20') }
    expect(
      await verifyTransparentStatement({
        transparentStatement: file('1ts-statement.scitt'),
        ...options,
      }),
    ).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_LOG_UNKNOWN' },
    })
    expect(
      await verifyTransparentStatement({
        transparentStatement: file('signed-statement.scitt'),
        ...options,
      }),
    ).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_RECEIPT_MISSING' },
    })
  })
})

describe.skipIf(!hasVectors)('scitt-ccf-ledger statements', () => {
  const trust: TrustPolicy = { version: 1, logs: [], issuers: [] }
  it.each([
    // Their critical header is about the key of an issuer that no anchor here speaks for.
    ['css-attested-cosesign1-20250617.cose', 'ERR_RECEIPT_MISSING'],
    ['css-attested-cosesign1-20250812.cose', 'ERR_RECEIPT_MISSING'],
    ['css-attested-cosesign1-20250925.cose', 'ERR_RECEIPT_MISSING'],
    // Its label 394 holds an old two-element receipt, which is none.
    ['cts-hashv-cwtclaims-b64url.cose', 'ERR_RECEIPT_MALFORMED'],
    ['manifest.spdx.json.sha384.digest.cose', 'ERR_RECEIPT_MISSING'],
  ])('%s: %s', async (name, code) => {
    const transparentStatement = readVector(`scitt/scitt-ccf-ledger/${name}`)
    const outcome = await verifyTransparentStatement({
      transparentStatement,
      trust,
      at: seconds('2026-01-01'),
    })
    expect(outcome).toMatchObject({ kind: 'not-verified', error: { code } })
  })
})
