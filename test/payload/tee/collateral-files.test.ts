/** Collateral as the vendors' services and their caches serve it, made into a bundle by what is in it. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { nodeVerifier as verifier } from '../../../src/keys/node-verifier.ts'
import { readCertificateFiles } from '../../../src/payload/tee/certificate-chain.ts'
import { encodeCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import { collateralFromFiles } from '../../../src/payload/tee/collateral-files.ts'
import type { NamedFile } from '../../../src/payload/tee/collateral-files.ts'
import { verifyDcap } from '../../../src/payload/tee/verify-dcap.ts'
import { verifySnp } from '../../../src/payload/tee/verify-snp.ts'
import { encodePem } from '../../../src/x509/pem.ts'
import { evidenceRefusal } from '../../support/evidence-reason.ts'
import { testIntel } from '../../support/intel-pki.ts'
import { makeRevocationList } from '../../support/test-crl.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const INTEL = 'tee/intel/go-tdx-guest'
/** Names say nothing: they are numbers. */
const files = (...paths: string[]): NamedFile[] =>
  paths.map((path, at) => ({ name: String(at), bytes: readVector(path) }))
const pcs = (): NamedFile[] =>
  files(
    ...['tcbInfo.json', 'qeIdentity.json', 'rootcrl.der', 'pckcrl.der'].map((n) => `${INTEL}/${n}`),
    ...['tcb_signing_chain.pem', 'pckcrl_issuer_chain.pem'].map((name) => `${INTEL}/${name}`),
  )

describe.skipIf(!hasVectors)('collateral files', () => {
  it('of PCS: what they hold says what they are, and the quote verifies with them', async () => {
    const collateral = collateralFromFiles(pcs().reverse())
    expect(Object.keys(collateral).sort()).toEqual([
      'intel-pck-crl',
      'intel-pck-crl-chain',
      'intel-qe-identity',
      'intel-root-crl',
      'intel-tcb-info',
      'intel-tcb-info-chain',
    ])
    const quote = readVector('tee/intel/trustee/tdx_quote_4.dat')
    const at = Date.parse('2023-07-01T01:00:00Z') / 1000
    expect((await verifyDcap({ quote, collateral, at, verifier })).tcb?.status).toBe('UpToDate')
  })

  it('of a DCAP library, and of a bundle: one file is enough', () => {
    const [json] = files('tee/intel/dcap-qvl/tdx_quote_collateral.json')
    const bundle = collateralFromFiles([json!])
    expect(bundle['intel-tcb-info']).toBeDefined()
    const again = collateralFromFiles([{ name: 'bundle', bytes: encodeCollateral(bundle) }])
    expect(again).toEqual(bundle)
  })

  it('of AMD: DER and PEM, whose certificates are one pool', async () => {
    const bundle = collateralFromFiles(
      files('tee/amd/trustee/test-vcek.der', 'tee/amd/roots/ask_ark_milan.pem'),
    )
    const certificates = readCertificateFiles(bundle.certificates!)
    expect(certificates).toHaveLength(3)
    const report = readVector('tee/amd/trustee/test-report.bin')
    const at = Date.parse('2026-01-01T00:00:00Z') / 1000
    expect((await verifySnp({ report, certificates, at, verifier })).debug).toBe(false)
  })

  it("of Azure's THIM: one JSON document with PEM texts", () => {
    const pem = encodePem('CERTIFICATE', readVector('tee/amd/trustee/test-vcek.der'))
    const chain = new TextDecoder().decode(readVector('tee/amd/roots/ask_ark_milan.pem'))
    const thim = JSON.stringify({ vcekCert: pem, tcbm: '0300', certificateChain: chain })
    const bundle = collateralFromFiles([{ name: 'thim', bytes: encodeUtf8(thim) }])
    expect(bundle.certificates).toHaveLength(3)
  })
})

describe('collateral files', () => {
  const refuse = (text: string | Uint8Array): string =>
    evidenceRefusal(() =>
      collateralFromFiles([
        { name: 'x', bytes: typeof text === 'string' ? encodeUtf8(text) : text },
      ]),
    )

  it('in hex and PEM, as caches answer lists', () => {
    const der = makeRevocationList({ ca: testIntel.root })
    const [hex, pem] = [encodeHex(der), encodePem('X509 CRL', der)]
    for (const text of [hex, hex.toUpperCase(), `${pem}\n`]) {
      const bundle = collateralFromFiles([{ name: 'list', bytes: encodeUtf8(text) }])
      expect(bundle).toEqual({ 'intel-root-crl': der })
    }
  })

  it.each([
    ['nothing', ''],
    ['words', 'hello'],
    ['other JSON', '{"a":1}'],
    ['broken JSON', '{"tcbInfo":'],
    ['a PEM of something else', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['odd hex', 'abc'],
    ['other DER', Uint8Array.of(0x30, 3, 2, 1, 1)],
    ['other CBOR', Uint8Array.of(0xa1, 0x61, 0x78, 0x01)],
  ])('refuse %s, and name the file', (_name, bytes) => {
    expect(refuse(bytes)).toBe('collateral-malformed')
  })

  it('refuse two files for one part, and do not guess', () => {
    const list = { name: 'a', bytes: makeRevocationList({ ca: testIntel.root }) }
    expect(evidenceRefusal(() => collateralFromFiles([list, { ...list, name: 'b' }]))).toBe(
      'collateral-malformed',
    )
  })
})
