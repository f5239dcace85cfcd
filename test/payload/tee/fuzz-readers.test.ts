/**
 * Hostile bytes for what people hand to the commands: collateral files, reference values, evidence of
 * any format, results. A mutation is read, or refused with an EvidenceError; nothing else is thrown, and
 * `inspect` never fails. 2,000 mutations each, 200,000 with ATTESTRY_SLOW=1; the seed is printed.
 */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { inspectBytes } from '../../../src/cli/inspect/inspect-bytes.ts'
import { encodeCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import { collateralFromFiles } from '../../../src/payload/tee/collateral-files.ts'
import { findReappraisal } from '../../../src/payload/tee/appraisal-result.ts'
import { signEar } from '../../../src/payload/tee/ear-result.ts'
import { readTokenUnsafe } from '../../../src/payload/tee/eat-claims.ts'
import { encodeTeeEvidence } from '../../../src/payload/tee/evidence-container.ts'
import { findEvidenceFormat } from '../../../src/payload/tee/evidence-format.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import { parseReferenceValues } from '../../../src/payload/tee/reference-values.ts'
import { encodePem } from '../../../src/x509/pem.ts'
import { makeDcap, testIntel } from '../../support/intel-pki.ts'
import { mutate, randomFrom, seed, slow } from '../../support/mutate.ts'
import { makeRevocationList } from '../../support/test-crl.ts'
import { testSigner } from '../../support/test-signer.ts'

const ROUNDS = slow ? 200_000 : 2_000
const { quote, collateral } = makeDcap({ tee: 'tdx' })
const list = makeRevocationList({ ca: testIntel.root })
const bundle = encodeCollateral(collateral)
const error = new EvidenceError('quote-signature', 'x')
const ear = await signEar({
  result: { evidenceSha256: 'ab'.repeat(32), outcome: { at: 1, error }, changes: [] },
  ...{ issuer: 'https://me.example', issuedAt: 1, build: 'test', policyIds: [], signer: testSigner() }, // prettier-ignore
})
const references = encodeUtf8(JSON.stringify({ measurements: { mrtd: ['00'.repeat(48)] } }))
const file = (bytes: Uint8Array): unknown => collateralFromFiles([{ name: 'x', bytes }])

const READERS: readonly (readonly [string, (bytes: Uint8Array) => unknown, Uint8Array])[] = [
  ['a bundle', file, bundle],
  ['signed JSON', file, collateral['intel-tcb-info']!],
  ['a list', file, list],
  ['a list in PEM', file, encodeUtf8(encodePem('X509 CRL', list))],
  ['certificates', file, encodeUtf8(encodePem('CERTIFICATE', testIntel.root.der))],
  ['reference values', parseReferenceValues, references],
  ['a quote', findEvidenceFormat, quote],
  ['a result', (bytes) => findReappraisal(readTokenUnsafe(bytes)), ear],
  ['a container, inspected', inspectBytes, encodeTeeEvidence({ format: 'tdx-quote', evidence: quote, collateral: bundle })], // prettier-ignore
  ['a result, inspected', inspectBytes, ear],
]

describe('mutations', () => {
  it.each(READERS)('of %s', async (name, read, original) => {
    const random = randomFrom(seed)
    const rounds = name.endsWith('inspected') ? ROUNDS / 10 : ROUNDS
    let refused = 0
    for (let round = 0; round < rounds; round++) {
      if (round % 500 === 0) await setImmediate()
      let bytes = original
      for (let times = random(3); times >= 0; times--) bytes = mutate(bytes, random)
      try {
        read(bytes)
      } catch (cause) {
        if (!(cause instanceof EvidenceError)) throw cause
        refused++
      }
    }
    // Those that never refuse say what they see instead.
    const isLenient = name.endsWith('inspected') || name === 'a quote'
    expect(refused > 0).toBe(!isLenient)
  })
})
