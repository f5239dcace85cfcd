/**
 * Hostile bytes: every flipped bit, every truncation and random edits of a good Transparent
 * Statement. Whatever the verifier says, it does not throw, and it never vouches for an entry that
 * is not the one that was signed and registered. By default a sample; ATTESTRY_SLOW=1 runs all bits
 * and 10^5 mutations.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8, equalBytes } from '../../src/bytes/bytes.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import { verifyTransparentStatement } from '../../src/verify/index.ts'
import type { TrustPolicy, VerificationOutcome } from '../../src/verify/index.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { SmallLog } from './small-log.ts'
import { testSigner } from '../support/test-signer.ts'

const slow = process.env['ATTESTRY_SLOW'] === '1'
const seed = Number(process.env['ATTESTRY_SEED'] ?? 20_261_124)
console.info(`mutations: seed ${seed} (ATTESTRY_SEED), ${slow ? 'all' : 'sampled'}`)

/** mulberry32: small, seeded, good enough to choose bytes. */
function random(state: number): () => number {
  let a = state >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const signer = testSigner()
const log = new SmallLog()
let good: Uint8Array
let entry: Uint8Array
let trust: TrustPolicy

beforeAll(async () => {
  const statement = await signStatement({
    payload: encodeUtf8('{"a":1}'),
    issuer: 'https://acme.example',
    subject: 'pkg:npm/demo@1.0.0',
    contentType: 'application/json',
    signer,
  })
  ;({ entry } = parseSignedStatement(statement))
  good = attachReceipts(statement, [await log.receipt(entry)])
  trust = {
    version: 1,
    logs: [
      {
        issuer: log.issuer,
        origin: log.origin,
        profile: 'attestry',
        leafRule: 'entry',
        keys: [log.signer.publicKey],
      },
    ],
    issuers: [{ kind: 'cose-key', key: signer.publicKey, issuers: ['https://acme.example'] }],
  }
})

const verify = (
  transparentStatement: Uint8Array,
  receiptOnly = false,
): Promise<VerificationOutcome> =>
  verifyTransparentStatement({
    transparentStatement,
    trust,
    at: 2 ** 31,
    receiptOnly,
    verifier: nodeSignatureVerifier,
  })

/** Verified means: this very entry, at its place, in its tree. */
async function expectNoFalseAccept(bytes: Uint8Array): Promise<boolean> {
  const outcome = await verify(bytes)
  if (outcome.kind !== 'verified') return false
  const { statement } = outcome
  expect(equalBytes(statement.statement.entry, entry)).toBe(true)
  expect([Number(statement.treeSize), Number(statement.leafIndex)]).toEqual([5, 2])
  expect(statement.registrationTime).toBe(log.registrationTime)
  return true
}

describe('mutations of a good Transparent Statement', () => {
  it('every flipped bit is noticed', async () => {
    expect((await verify(good)).kind).toBe('verified')
    const step = slow ? 1 : 7
    for (let bit = 0; bit < good.length * 8; bit += step) {
      const bytes = good.slice()
      bytes[Math.floor(bit / 8)] = bytes[Math.floor(bit / 8)]! ^ (1 << (bit % 8))
      // Every byte of this statement is signed, hashed or structure: none is free.
      expect(await expectNoFalseAccept(bytes), `bit ${bit}`).toBe(false)
    }
  })

  it('every truncation and every extension is refused', async () => {
    for (let length = 0; length < good.length; length += slow ? 1 : 5) {
      expect((await verify(good.subarray(0, length))).kind, `length ${length}`).toBe('not-verified')
    }
    for (const tail of [0x00, 0xf6, 0xff]) {
      expect((await verify(concatBytes(good, Uint8Array.of(tail)))).kind).toBe('not-verified')
    }
  })

  it('random edits are never accepted for another entry, and nothing throws', async () => {
    const next = random(seed)
    const below = (limit: number): number => Math.floor(next() * limit)
    const rounds = slow ? 100_000 : 1_000
    for (let round = 0; round < rounds; round++) {
      let bytes = good.slice()
      for (let edits = 1 + below(3); edits > 0; edits--) bytes = edit(bytes, below)
      if (!equalBytes(bytes, good)) await expectNoFalseAccept(bytes)
    }
  })

  it('the same holds when the issuer is not checked: the receipt alone binds the entry', async () => {
    const next = random(seed + 1)
    const below = (limit: number): number => Math.floor(next() * limit)
    trust = { ...trust, issuers: [] }
    for (let round = 0; round < (slow ? 20_000 : 300); round++) {
      const bytes = edit(good.slice(), below)
      const outcome = await verify(bytes, true)
      if (outcome.kind === 'verified') {
        expect(equalBytes(outcome.statement.statement.entry, entry)).toBe(true)
        expect(outcome.statement.issuer).toBeUndefined()
      }
    }
  })
})

/** One edit of the kinds that parsers trip over. */
function edit(bytes: Uint8Array, below: (limit: number) => number): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length)
  const end = Math.min(bytes.length, at + 1 + below(40))
  const piece = bytes.slice(at, end)
  const other = below(bytes.length)
  const joined = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> =>
    new Uint8Array(concatBytes(...parts))
  switch (below(6)) {
    case 0: // overwrite a byte
      return joined(bytes.subarray(0, at), Uint8Array.of(below(256)), bytes.subarray(at + 1))
    case 1: // delete a piece
      return joined(bytes.subarray(0, at), bytes.subarray(end))
    case 2: // repeat a piece
      return joined(bytes.subarray(0, end), piece, bytes.subarray(end))
    case 3: // copy a piece elsewhere
      return joined(bytes.subarray(0, other), piece, bytes.subarray(other))
    case 4: // replace a piece by heads with huge lengths
      return joined(
        bytes.subarray(0, at),
        Uint8Array.of(0x5b, 0xff, 0xff, 0xff, 0xff),
        bytes.subarray(end),
      )
    default: // insert a random head
      return joined(bytes.subarray(0, at), Uint8Array.of(below(256)), bytes.subarray(at))
  }
}
