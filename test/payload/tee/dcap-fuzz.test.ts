/**
 * Mutations of everything that comes from outside: only EvidenceError, and no mutated quote says
 * anything that its original did not. 10^4 of each parser, 10^6 with ATTESTRY_SLOW=1.
 */
import { describe, expect, it } from 'vitest'
import { nodeVerifier as verifier } from '../../../src/keys/node-verifier.ts'
import { DescriptionBuilder } from '../../../src/payload/description-builder.ts'
import { encodeCollateral, parseCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import type { CollateralBundle } from '../../../src/payload/tee/collateral-bundle.ts'
import { openSignedJson } from '../../../src/payload/tee/dcap-json.ts'
import { describeCollateral, describeQuote } from '../../../src/payload/tee/describe-evidence.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import { collateralFromJson } from '../../../src/payload/tee/pcs-collateral.ts'
import { readPckPlatform } from '../../../src/payload/tee/pck-certificate.ts'
import { readQeIdentity } from '../../../src/payload/tee/qe-identity.ts'
import { parseQuote } from '../../../src/payload/tee/quote.ts'
import { readTcbInfo } from '../../../src/payload/tee/tcb-info.ts'
import { verifyDcap } from '../../../src/payload/tee/verify-dcap.ts'
import { parseCertificate } from '../../../src/x509/certificate.ts'
import { makeDcap, makePck, sgxExtension, testIntel } from '../../support/intel-pki.ts'
import type { Dcap } from '../../support/intel-pki.ts'
import { mutate, randomFrom, seed, slow } from '../../support/mutate.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

/** Of parsers; what is only described has been through one. */
const RUNS = slow ? 1_000_000 : 2_000
/** Whole verifications, each some milliseconds. */
const VERIFICATIONS = slow ? 20_000 : 300
const HOUR = 3_600_000

function refusedAlone(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
  }
}

function fuzz(
  originals: readonly Uint8Array[],
  parse: (bytes: Uint8Array) => unknown,
  runs = RUNS,
): void {
  const random = randomFrom(seed)
  for (let run = 0; run < runs; run++) {
    let bytes = originals[run % originals.length]!
    for (let times = 1 + random(3); times > 0 && bytes.length > 0; times--) {
      bytes = mutate(bytes, random)
    }
    const mutated = bytes
    refusedAlone(() => parse(mutated))
  }
}

const sgx = makeDcap()
const tdx = makeDcap({ tee: 'tdx', version: 5, bodyType: 3, trailing: new Uint8Array(70) })
const part = (name: 'intel-tcb-info' | 'intel-qe-identity'): Uint8Array[] =>
  [sgx, tdx].map(({ collateral }) => collateral[name]!)
const vector = (path: string): Uint8Array[] => (hasVectors ? [readVector(`tee/intel/${path}`)] : [])

describe(`${RUNS} mutations`, () => {
  it('of quotes', { timeout: HOUR }, () => {
    fuzz([sgx.quote, tdx.quote, ...vector('dcap-qvl/tdx_quote.bin')], parseQuote)
  })

  it('of quotes that are described', { timeout: HOUR }, () => {
    fuzz(
      [sgx.quote, tdx.quote],
      (bytes) => {
        describeQuote(bytes, new DescriptionBuilder())
      },
      RUNS / 5,
    )
  })

  it('of TCB info', { timeout: HOUR }, () => {
    fuzz([...part('intel-tcb-info'), ...vector('go-tdx-guest/tcbInfo.json')], (bytes) =>
      readTcbInfo(openSignedJson(bytes, 'tcbInfo', 'tcb-info-malformed').value),
    )
  })

  it('of QE identities', { timeout: HOUR }, () => {
    fuzz([...part('intel-qe-identity'), ...vector('go-tdx-guest/qeIdentity.json')], (bytes) =>
      readQeIdentity(openSignedJson(bytes, 'enclaveIdentity', 'qe-identity-malformed').value),
    )
  })

  it('of containers', { timeout: HOUR }, () => {
    fuzz([encodeCollateral(sgx.collateral), encodeCollateral(tdx.collateral)], parseCollateral)
  })

  it('of containers that are described', { timeout: HOUR }, () => {
    fuzz(
      [encodeCollateral(tdx.collateral)],
      (bytes) => {
        describeCollateral(bytes, new DescriptionBuilder())
      },
      RUNS / 5,
    )
  })

  it.skipIf(!hasVectors)("of a library's JSON", { timeout: HOUR }, () => {
    // Large and only ever read by the command line.
    const runs = RUNS / 20
    fuzz(vector('dcap-qvl/tdx_quote_collateral.json'), collateralFromJson, runs)
  })
})

describe('mutations of the SGX extension', () => {
  it('give a platform or EvidenceError', { timeout: HOUR }, () => {
    const random = randomFrom(seed)
    const runs = slow ? 20_000 : 500
    for (let run = 0; run < runs; run++) {
      const extension = mutate(sgxExtension(), random)
      const { der } = makePck(testIntel, { extension })
      const certificate = parseCertificate(der)
      refusedAlone(() => readPckPlatform(certificate))
    }
  })
})

/** A part of the collateral, or the quote, mutated. */
function mutated(dcap: Dcap, random: (n: number) => number): Dcap {
  const names = Object.keys(dcap.collateral) as (keyof CollateralBundle)[]
  const at = random(names.length + 2)
  const name = names[at]
  if (name === undefined) return { ...dcap, quote: mutate(dcap.quote, random) }
  const value = dcap.collateral[name]
  const changed =
    value instanceof Uint8Array
      ? mutate(value, random)
      : value!.map((der, i) => (i === random(value!.length) ? mutate(der, random) : der))
  return { ...dcap, collateral: { ...dcap.collateral, [name]: changed } }
}

describe(`${VERIFICATIONS} verifications of something mutated`, () => {
  it('say what the original says, or refuse', { timeout: HOUR }, async () => {
    const random = randomFrom(seed)
    for (const original of [sgx, tdx]) {
      const expected = await verifyDcap({ ...original, verifier })
      for (let run = 0; run < VERIFICATIONS / 2; run++) {
        try {
          const facts = await verifyDcap({ ...mutated(original, random), verifier })
          // What follows a quote may change, and a chain may repeat what another one has.
          expect({ ...facts, findings: [] }).toEqual({ ...expected, findings: [] })
        } catch (error) {
          if (!(error instanceof EvidenceError)) throw error
        }
      }
    }
  })
})
