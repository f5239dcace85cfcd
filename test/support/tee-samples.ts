/** Every real piece of TEE evidence in shared/vectors as a container, with the clock that its README states. */
import type { PublicKey } from '../../src/cose/public-key.ts'
import { publicKeyFromJwk } from '../../src/cose/jwk.ts'
import { readCertificates } from '../../src/payload/tee/certificate-chain.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import type { CollateralBundle } from '../../src/payload/tee/collateral-bundle.ts'
import { parseCorim } from '../../src/payload/tee/corim.ts'
import type { EvidenceFormat, TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { collateralFromJson, collateralFromPcs } from '../../src/payload/tee/pcs-collateral.ts'
import { parseVtpmEvidence } from '../../src/payload/tee/vtpm-evidence.ts'
import { readVector, readVectorJson } from './vectors.ts'

const read = (path: string): Uint8Array => readVector(`tee/${path}`)

/** Intel's answers for the platforms of go-tdx-guest, as their service gave them in 2023. */
function pcs(): CollateralBundle {
  const file = (name: string): Uint8Array => read(`intel/go-tdx-guest/${name}`)
  const chain = file('tcb_signing_chain.pem')
  return collateralFromPcs({
    tcbInfo: file('tcbInfo.json'),
    tcbInfoChain: chain,
    qeIdentity: file('qeIdentity.json'),
    qeIdentityChain: chain,
    rootCrl: file('rootcrl.der'),
    pckCrl: file('pckcrl.der'),
    pckCrlChain: file('pckcrl_issuer_chain.pem'),
  })
}

const milan = (...more: readonly Uint8Array[]): CollateralBundle => ({
  certificates: [
    ...more,
    ...readCertificates(read('amd/roots/ask_ark_milan.pem')).map(({ der }) => der),
  ],
})

export interface TeeSample {
  readonly name: string
  readonly format: EvidenceFormat
  readonly file: string
  /** Seconds since 1970. */
  readonly at: number
  readonly collateral?: () => CollateralBundle
  /** What is remarked at that time, beside that it is bound to nothing. */
  readonly findings: readonly string[]
  /** What it is refused with at any time, where it is. */
  readonly refused?: string
  /** What it is refused with in November 2026; findings then, where it is not. */
  readonly later: RegExp | readonly string[]
}

const time = (text: string): number => Math.floor(Date.parse(text) / 1000)
const JULY_2025 = time('2025-07-01T00:00:00Z')
const JULY_2023 = time('2023-07-01T01:00:00Z')
const YEAR_2026 = time('2026-01-01T00:00:00Z')
const EXPIRED = /(tcb-info|qe-identity|crl|certificate)-expired: /
const UNCHECKED = 'revocation-not-checked'

export const TODAY: number = time('2026-11-28T00:00:00Z')

/** All of them; reads no file before one is asked for. */
export const TEE_SAMPLES: readonly TeeSample[] = [
  {
    ...{ name: 'SGX', format: 'sgx-quote', file: 'intel/dcap-qvl/sgx_quote.bin', at: JULY_2025 },
    collateral: () => collateralFromJson(read('intel/dcap-qvl/sgx_quote_collateral.json')),
    ...{ findings: ['tcb-not-up-to-date'], later: EXPIRED },
  },
  {
    ...{ name: 'TDX', format: 'tdx-quote', file: 'intel/dcap-qvl/tdx_quote.bin', at: JULY_2025 },
    collateral: () => collateralFromJson(read('intel/dcap-qvl/tdx_quote_collateral.json')),
    ...{ findings: ['trailing-bytes'], later: EXPIRED },
  },
  {
    ...{ name: 'TDX without a level', format: 'tdx-quote', at: JULY_2023 },
    ...{ file: 'intel/go-tdx-guest/tdx_prod_quote_SPR_E4.dat', collateral: pcs },
    ...{ findings: ['tcb-not-up-to-date', 'trailing-bytes'], later: EXPIRED },
  },
  {
    ...{ name: 'TDX in debug', format: 'tdx-quote', file: 'intel/trustee/tdx_quote_4.dat' },
    ...{ at: JULY_2023, collateral: pcs, findings: ['debug-environment'], later: EXPIRED },
  },
  {
    ...{ name: 'SNP in debug', format: 'snp-report', file: 'amd/go-sev-guest/attestation.bin' },
    collateral: () => milan(read('amd/go-sev-guest/vcek.der')),
    at: YEAR_2026,
    findings: ['debug-environment', UNCHECKED],
    later: ['debug-environment', UNCHECKED],
  },
  {
    ...{ name: 'SNP', format: 'snp-report', file: 'amd/trustee/test-report.bin', at: YEAR_2026 },
    collateral: () => milan(read('amd/trustee/test-vcek.der')),
    ...{ findings: [UNCHECKED], later: [UNCHECKED] },
  },
  {
    ...{ name: 'Nitro', format: 'nitro-document', file: 'nitro/aws_nitro_document.cbor' },
    at: time('2022-11-09T22:52:00.696Z'),
    findings: [UNCHECKED],
    later: ['evidence-certificate-expired', UNCHECKED],
  },
  {
    ...{ name: 'Nitro, altered', format: 'nitro-document' },
    ...{ file: 'nitro/aws_nitro_document_bad_sig.cbor', at: time('2022-11-09T22:52:00.696Z') },
    ...{ findings: [], refused: 'document-signature', later: /document-signature: / },
  },
  ...(['v0', 'v1', 'v2'] as const).map((form) => ({
    ...{ name: `vTPM on SNP, ${form}`, format: 'azure-vtpm' as const, at: YEAR_2026 },
    ...{ file: `tpm/az-snp-vtpm/evidence-${form}.json`, collateral: () => milan() },
    ...{ findings: [UNCHECKED], later: [UNCHECKED] },
  })),
  ...(['v0', 'v1'] as const).map((form) => ({
    ...{ name: `vTPM on TDX, ${form}`, format: 'azure-vtpm' as const, at: YEAR_2026 },
    // Nobody kept the collateral of this platform.
    ...{ file: `tpm/az-tdx-vtpm/evidence-${form}.json`, refused: 'crl-missing' },
    ...{ findings: [], later: /crl-missing: / },
  })),
  {
    ...{ name: 'TPM', format: 'tpm-evidence', file: 'tpm/tpm_evidence.json', at: YEAR_2026 },
    ...{ findings: [], later: [] },
  },
  {
    ...{ name: 'CCA', format: 'cca-token', file: 'cca/trustee/cca-example-token.cbor' },
    ...{ at: YEAR_2026, findings: [], later: [] },
  },
  {
    ...{ name: 'CCA of Veraison', format: 'cca-token', file: 'cca/veraison/cca-evidence.cbor' },
    ...{ at: YEAR_2026, findings: [], later: [] },
  },
]

/** The container of a sample. */
export function sampleEvidence({ format, file, collateral }: TeeSample): TeeEvidence {
  const evidence = read(file)
  if (collateral === undefined) return { format, evidence }
  return { format, evidence, collateral: encodeCollateral(collateral()) }
}

/** Keys of platforms that no vendor's root certifies, as a policy names them. */
export function sampleEndorsers(): {
  readonly cca: readonly PublicKey[]
  readonly tpm: readonly PublicKey[]
} {
  const corim = parseCorim(read('cca/veraison/cca-endorsements.cbor'))
  const { claimedKey } = parseVtpmEvidence(read('tpm/tpm_evidence.json'))
  return {
    cca: [
      publicKeyFromJwk(readVectorJson('tee/cca/trustee/cpak-pub.json')),
      ...corim.attestationKeys.map(({ key }) => key),
    ],
    tpm: [claimedKey!],
  }
}
