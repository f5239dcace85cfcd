/** Real evidence of every vendor is recognised by its bytes, and nothing else is. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import type { CborValue } from '../../../src/cbor/decode.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import { findEvidenceFormat } from '../../../src/payload/tee/evidence-format.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const REAL = [
  ['intel/dcap-qvl/sgx_quote.bin', 'sgx', 'sgx-quote'],
  ['intel/dcap-qvl/tdx_quote.bin', 'tdx', 'tdx-quote'],
  ['intel/trustee/tdx_quote_4.dat', 'tdx', 'tdx-quote'],
  ['intel/go-tdx-guest/tdx_prod_quote_SPR_E4.dat', 'tdx', 'tdx-quote'],
  ['amd/trustee/test-report.bin', 'snp', 'snp-report'],
  ['amd/go-sev-guest/attestation.bin', 'snp', 'snp-report'],
  ['nitro/aws_nitro_document.cbor', 'nitro', 'nitro-document'],
  ['tpm/az-snp-vtpm/evidence-v0.json', 'tpm', 'azure-vtpm'],
  ['tpm/az-tdx-vtpm/evidence-v1.json', 'tpm', 'azure-vtpm'],
  ['tpm/tpm_evidence.json', 'tpm', 'tpm-evidence'],
  ['cca/trustee/cca-example-token.cbor', 'cca', 'cca-token'],
  ['cca/veraison/cca-evidence.cbor', 'cca', 'cca-token'],
] as const

describe('the format of evidence', () => {
  it.skipIf(!hasVectors).each(REAL)('%s', (path, kind, format) => {
    const bytes = readVector(`tee/${path}`)
    expect(findEvidenceFormat(bytes)).toEqual({ kind, format })
    expect(findEvidenceFormat(bytes.slice(0, 100))).toBeUndefined()
  })

  it.each([
    ['sev_guest', 'snp'],
    ['tdx_guest', 'tdx'],
    ['arm_cca_guest', 'cca'],
  ] as const)('a unit of configfs-tsm by %s', (provider, kind) => {
    const unit = encodeCbor(
      new Map<CborValue, CborValue>([
        ['provider', provider],
        ['outblob', Uint8Array.of(1)],
      ]),
    )
    expect(findEvidenceFormat(unit)).toEqual({ kind, format: 'tsm-report' })
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['text', encodeUtf8('hello')],
    ['an empty object', encodeUtf8('{}')],
    ['zeros', new Uint8Array(2000)],
    ['a unit of another provider', encodeCbor(new Map([['provider', 'x'], ['outblob', 'y']]))], // prettier-ignore
  ])('%s is none', (_name, bytes) => {
    expect(findEvidenceFormat(bytes)).toBeUndefined()
  })
})
