/**
 * Hostile bytes: whatever a mutation makes of evidence, parsers throw their own error or accept, and
 * come to an end. 10^4 mutations each, 10^6 with ATTESTRY_SLOW=1; the seed is printed.
 */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import type { CborValue } from '../../../src/cbor/decode.ts'
import { definiteCbor } from '../../../src/cbor/definite.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import { AttestryError } from '../../../src/errors.ts'
import { verifyAttestedStatement } from '../../../src/payload/tee/attested-statement.ts'
import { parseCcaToken } from '../../../src/payload/tee/cca-token.ts'
import { readCertificates } from '../../../src/payload/tee/certificate-chain.ts'
import { parseCmw } from '../../../src/payload/tee/cmw.ts'
import { parseCorim } from '../../../src/payload/tee/corim.ts'
import { parseEventLog } from '../../../src/payload/tee/event-log.ts'
import { replayEventLog } from '../../../src/payload/tee/replay-event-log.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import { parseHclReport } from '../../../src/payload/tee/hcl-report.ts'
import { parseJwt } from '../../../src/payload/tee/jwt.ts'
import { parseVerifierKeys } from '../../../src/payload/tee/key-set.ts'
import { parseNitroDocument } from '../../../src/payload/tee/nitro-document.ts'
import { parseSnpCertificateTable } from '../../../src/payload/tee/snp-certificate-table.ts'
import { readSnpCertificate } from '../../../src/payload/tee/snp-certificate.ts'
import { parseSnpReport } from '../../../src/payload/tee/snp-report.ts'
import { parseTpmAttest } from '../../../src/payload/tee/tpm-attest.ts'
import { parseTpmSignature } from '../../../src/payload/tee/tpm-signature.ts'
import { parseTsmReport } from '../../../src/payload/tee/tsm-report.ts'
import { parseVtpmEvidence } from '../../../src/payload/tee/vtpm-evidence.ts'
import { parseSignedStatement } from '../../../src/statement/signed-statement.ts'
import {
  makeAmdPki,
  makeCertificateTable,
  makeSnpKey,
  makeSnpReport,
} from '../../support/amd-evidence.ts'
import { makeAttestedStatement, makeAttestedWorld } from '../../support/attested-evidence.ts'
import { makeCcaToken } from '../../support/cca-evidence.ts'
import { mutate, randomFrom, seed, slow } from '../../support/mutate.ts'
import { makeNitroDocument, makeNitroPki } from '../../support/nitro-evidence.ts'
import { earClaims, makeJwt, makeKeySet } from '../../support/result-tokens.ts'
import { generateTestKeys, TEST_NOW } from '../../support/test-pki.ts'
import {
  attestationKeys,
  makeEventLog,
  makeHclReport,
  makeQuote,
  runtimeJson,
  signQuote,
} from '../../support/tpm-evidence.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

/** Mutations between two turns of the event loop: the runner wants to hear from a long test. */
const BREATH = 5_000
const COUNT = slow ? 1_000_000 : 2_000

const amd = makeAmdPki()
const vcek = makeSnpKey(amd)
const report = makeSnpReport(vcek)
const rsa = attestationKeys('RSA-2048')
const p256 = attestationKeys('P-256')
const quote = makeQuote()
const json = runtimeJson(rsa.key)
const aws = makeNitroPki()
const { privateKey, publicKey } = generateTestKeys('P-256')
const nested = new Map<CborValue, CborValue>([['a', ['b', Uint8Array.of(1, 2), 4]], [1, new Map([['c', ['d', Uint8Array.of(3)]]])]]) // prettier-ignore
const unit = new Map<string, CborValue>([
  ['provider', 'sev_guest'],
  ['outblob', report],
  ['auxblob', makeCertificateTable([['vcek', Uint8Array.of(1)]])],
])
const evidence = {
  quote: { message: [...quote], signature: 'ff'.repeat(256), pcrs: ['00'.repeat(32)] },
  hcl_report: Buffer.from(json).toString('base64'),
}

interface Target {
  readonly name: string
  readonly bytes: Uint8Array
  readonly parse: (bytes: Uint8Array) => unknown
}

const targets: readonly Target[] = [
  { name: 'SNP report', bytes: report, parse: parseSnpReport },
  {
    name: 'SNP certificate table',
    bytes: makeCertificateTable([['other', Uint8Array.of(1)], ['crl', Uint8Array.of(2)]]), // prettier-ignore
    parse: parseSnpCertificateTable,
  },
  {
    name: 'AMD certificate',
    bytes: vcek.der,
    parse: (bytes) => readCertificates(bytes).map(readSnpCertificate),
  },
  { name: 'TSM report', bytes: encodeCbor(unit), parse: parseTsmReport },
  {
    name: 'Nitro document',
    bytes: await makeNitroDocument(aws, { indefinite: true }),
    parse: parseNitroDocument,
  },
  { name: 'TPM quote', bytes: quote, parse: parseTpmAttest },
  {
    name: 'TPM signature, RSA',
    bytes: signQuote(quote, rsa, 'rsapss'),
    parse: (bytes) => parseTpmSignature(bytes, rsa.key),
  },
  {
    name: 'TPM signature, ECDSA',
    bytes: signQuote(quote, p256, 'ecdsa'),
    parse: (bytes) => parseTpmSignature(bytes, p256.key),
  },
  { name: 'HCL report', bytes: makeHclReport(report, json), parse: parseHclReport },
  { name: 'vTPM evidence', bytes: encodeUtf8(JSON.stringify(evidence)), parse: parseVtpmEvidence },
  {
    name: 'event log',
    bytes: makeEventLog([{ register: 0 }, { register: 1 }, { register: 0, type: 3 }]),
    parse: (bytes) => replayEventLog(parseEventLog(bytes), 'SHA-256'),
  },
  { name: 'CCA token', bytes: await makeCcaToken(), parse: parseCcaToken },
  { name: 'JWT', bytes: makeJwt(earClaims(), privateKey), parse: parseJwt },
  { name: 'JWK set', bytes: makeKeySet([publicKey]), parse: parseVerifierKeys },
  { name: 'CMW', bytes: encodeCbor(nested), parse: parseCmw },
  ...(hasVectors
    ? [
        {
          name: 'CoRIM',
          bytes: readVector('tee/cca/veraison/cca-endorsements.cbor'),
          parse: parseCorim,
        },
      ]
    : []),
]

describe.each(targets)('$name', ({ bytes, parse, name }) => {
  it('parses as it is', () => {
    parse(bytes)
  })

  it(`under ${COUNT} mutations throws only an EvidenceError`, async () => {
    const random = randomFrom(seed + name.length)
    let refused = 0
    for (let i = 0; i < COUNT; i++) {
      if (i % BREATH === 0) await setImmediate()
      let hostile = mutate(bytes, random)
      while (hostile.length > 0 && random(3) === 0) hostile = mutate(hostile, random)
      try {
        parse(hostile)
      } catch (error) {
        if (!(error instanceof EvidenceError)) throw error
        refused++
      }
    }
    expect(refused).toBeGreaterThan(0)
  })
})

it(`indefinite CBOR under ${COUNT} mutations throws only an error of ours`, () => {
  const random = randomFrom(seed)
  const bytes = Uint8Array.of(0xbf, 0x61, 0x61, 0x9f, 1, 0x5f, 0x41, 1, 0x41, 2, 0xff, 0xff, 0x61, 0x62, 0xa0, 0xff) // prettier-ignore
  expect(definiteCbor(bytes)).toEqual(encodeCbor(new Map<string, CborValue>([['a', [1, Uint8Array.of(1, 2)]], ['b', new Map()]]))) // prettier-ignore
  for (let i = 0; i < COUNT; i++) {
    try {
      definiteCbor(mutate(mutate(bytes, random), random))
    } catch (error) {
      if (!(error instanceof AttestryError)) throw error
    }
  }
})

it('an attested statement whose signatures all "verify" is refused for its contents alone', async () => {
  const world = makeAttestedWorld()
  const bytes = await makeAttestedStatement(world)
  const random = randomFrom(seed)
  const verifier = { verify: () => Promise.resolve(true) }
  for (let i = 0; i < (slow ? 100_000 : 300); i++) {
    try {
      const statement = parseSignedStatement(mutate(bytes, random))
      await verifyAttestedStatement({ statement, at: TEST_NOW, verifier, roots: world.roots })
    } catch (error) {
      if (!(error instanceof AttestryError)) throw error
    }
  }
})
