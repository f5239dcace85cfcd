/**
 * Mutated statements and receipts: only our own errors, and whatever still verifies says exactly what
 * the original said. 10^5 of them with ATTESTRY_SLOW=1; how long refusing takes is measured in bench/.
 */
import { describe, expect, it } from 'vitest'
import { encodeUtf8, equalBytes } from '../../src/bytes/bytes.ts'
import { parseCoseKeySet, type PublicKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { AttestryError } from '../../src/errors.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import { authenticateIssuer } from '../../src/statement/authenticate-issuer.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { assertRegistrable, parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { golden } from '../support/golden-vector.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { testSigner } from '../support/test-signer.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

const RUNS = slow ? 100_000 : 4_000

interface Original {
  readonly name: string
  readonly bytes: Uint8Array
  readonly anchors: readonly TrustAnchor[]
  readonly at: number
}

async function originals(): Promise<Original[]> {
  const signer = testSigner('EdDSA')
  const made = await signStatement({
    payload: encodeUtf8('{"a":1}'),
    issuer: 'https://a.example',
    subject: 's',
    contentType: 'application/json',
    signer,
  })
  const key: TrustAnchor = { kind: 'cose-key', key: signer.publicKey, issuers: ['*'] }
  const list: Original[] = [
    {
      name: 'transparent',
      bytes: attachReceipts(made, [golden.inclusionReceipt]),
      anchors: [key],
      at: 0,
    },
  ]
  if (hasVectors) {
    const bytes = readVector('scitt/scitt-for-phi/1ts-statement.scitt')
    const [, , top] = parseSignedStatement(bytes).headers.x5chain ?? []
    const root = parseCertificate(top!)
    list.push({
      name: 'microsoft',
      bytes,
      anchors: [{ kind: 'x509-root', certificate: root, issuers: ['*'] }],
      at: 1_750_370_739,
    })
  }
  return list
}

/** What a statement that verifies commits to; receipts and other unprotected parts are not in it. */
async function authenticated(
  { anchors, at }: Original,
  bytes: Uint8Array,
): Promise<Uint8Array | string> {
  try {
    const statement = parseSignedStatement(bytes)
    assertRegistrable(statement)
    await authenticateIssuer({ statement, anchors, at, verifier })
    return statement.entry
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}

describe('mutations', () => {
  it(`${RUNS} statements: none verifies as another statement, nothing crashes`, async () => {
    const list = await originals()
    const random = randomFrom(seed)
    for (const original of list) {
      const entry = await authenticated(original, original.bytes)
      expect(entry).toBeInstanceOf(Uint8Array)
      const outcomes = new Map<string, number>()
      for (let i = 0; i < RUNS / list.length; i++) {
        const mutated = mutate(original.bytes, random)
        const got = await authenticated(original, mutated)
        if (typeof got !== 'string') {
          expect(
            equalBytes(got, entry as Uint8Array),
            `${original.name}, mutation ${i}, seed ${seed}`,
          ).toBe(true)
        }
        const label = typeof got === 'string' ? got : 'same entry'
        outcomes.set(label, (outcomes.get(label) ?? 0) + 1)
      }
      // A suite in which everything fails at the first byte would prove little.
      expect(
        outcomes.get('ERR_STATEMENT_SIGNATURE') ?? 0,
        JSON.stringify([...outcomes]),
      ).toBeGreaterThan(20)
    }
  }, 600_000)

  it(`${RUNS} receipts: none shows another root, size or index`, async () => {
    const [key] = parseCoseKeySet(golden.serviceKeySet) as [PublicKey]
    const random = randomFrom(seed + 1)
    const show = (bytes: Uint8Array) =>
      verifyInclusionReceipt({
        receipt: parseReceipt(bytes),
        entry: golden.entry1,
        key,
        leafRule: 'entry',
        verifier,
      })
    const original = await show(golden.inclusionReceipt)
    for (let i = 0; i < RUNS; i++) {
      try {
        expect(
          await show(mutate(golden.inclusionReceipt, random)),
          `mutation ${i}, seed ${seed}`,
        ).toEqual(original)
      } catch (error) {
        if (!(error instanceof AttestryError)) throw error
      }
    }
  }, 600_000)
})
