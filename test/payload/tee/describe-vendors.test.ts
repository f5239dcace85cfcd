/** What evidence and results say of themselves, in the vocabulary of descriptions. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import type { CborValue } from '../../../src/cbor/decode.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import { PayloadError } from '../../../src/errors.ts'
import { DescriptionBuilder } from '../../../src/payload/description-builder.ts'
import type { Description } from '../../../src/payload/description.ts'
import { parseMediaType } from '../../../src/payload/media-types.ts'
import { cmwHandlers } from '../../../src/payload/tee/describe-cmw.ts'
import {
  NITRO_DOCUMENT_MEDIA_TYPE,
  SNP_REPORT_MEDIA_TYPE,
  TPM_EVIDENCE_MEDIA_TYPE,
  vendorHandlers,
} from '../../../src/payload/tee/describe-vendors.ts'
import { parseSignedStatement } from '../../../src/statement/signed-statement.ts'
import { signStatement } from '../../../src/statement/sign-statement.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport, TURIN_TCB } from '../../support/amd-evidence.ts'
import { makeCcaToken } from '../../support/cca-evidence.ts'
import { makeNitroDocument, makeNitroPki } from '../../support/nitro-evidence.ts'
import { earClaims, makeJwt, TIMES } from '../../support/result-tokens.ts'
import { generateTestKeys } from '../../support/test-pki.ts'
import { testSigner } from '../../support/test-signer.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const handlers = new Map([...vendorHandlers, ...cmwHandlers(vendorHandlers)])
const statement = parseSignedStatement(
  await signStatement({
    payload: Uint8Array.of(1),
    issuer: 'https://issuer.example',
    subject: 'test',
    contentType: 'application/octet-stream',
    signer: testSigner(),
  }),
)

/** Description of bytes of a media type, after the check. */
function describeBytes(type: string, bytes: Uint8Array): Description {
  const mediaType = parseMediaType(type)
  const handler = handlers.get(mediaType.name)!
  const input = { bytes, mediaType, statement }
  handler.check(input)
  const out = new DescriptionBuilder()
  handler.describe(input, out)
  return out.build(handler.kindOf?.(input) ?? handler.kind, mediaType.name)
}

const texts = ({ attributes }: Description): string[] =>
  attributes.map(({ name, value }) => `${name}=${value}`)

const vcek = makeSnpKey(makeAmdPki())
const { privateKey } = generateTestKeys('P-256')

describe('descriptions', () => {
  it('of an SNP report, whose processor says how its TCB is laid out', () => {
    const report = makeSnpReport(vcek, { debug: true })
    const expected = `measurement=measurement:${'4d'.repeat(48)}`
    const milan = texts(describeBytes(SNP_REPORT_MEDIA_TYPE, report))
    expect(milan).toEqual(
      expect.arrayContaining([
        'tee-type=sev-snp',
        'debug=true',
        expected,
        'tcb-svn=reported-tcb:03000873',
      ]),
    )
    const turin = makeSnpReport(vcek, { cpuid: [0x1a, 2], reportedTcb: TURIN_TCB })
    expect(texts(describeBytes(SNP_REPORT_MEDIA_TYPE, turin))).toContain(
      'tcb-svn=reported-tcb:0903000873',
    )
  })

  it('of a TSM report', () => {
    const unit = new Map<string, CborValue>([['provider', 'sev_guest'], ['outblob', makeSnpReport(vcek)]]) // prettier-ignore
    const described = describeBytes('application/vnd.veraison.tsm-report+cbor', encodeCbor(unit))
    expect([described.kind, described.digests.length]).toEqual(['tee-evidence', 2])
    expect(texts(described)).toContain('tee-type=sev-snp')
  })

  it('of a Nitro document', async () => {
    const document = await makeNitroDocument(makeNitroPki())
    const described = describeBytes(NITRO_DOCUMENT_MEDIA_TYPE, document)
    expect(texts(described)).toContain(`measurement=pcr1:${'02'.repeat(48)}`)
    expect(described.numbers[0]?.name).toBe('evidence-time')
  })

  it('of a CCA token, also with parameters of the type', async () => {
    const type = 'application/eat-collection; profile="http://arm.com/CCA-SSD/1.0.0"'
    const described = describeBytes(type, await makeCcaToken())
    expect(texts(described)).toContain(`measurement=rim:${'03'.repeat(32)}`)
  })

  it('of an EAR, a verdict, and a token that nobody reads', () => {
    const ear = describeBytes('application/eat+jwt', makeJwt(earClaims(), privateKey))
    expect(ear.kind).toBe('tee-result')
    expect(texts(ear)).toEqual(
      expect.arrayContaining([
        'verifier-id=https://verifier.example',
        'result=affirming',
        'policy-uri=policy:1',
      ]),
    )
    const claims = {
      ...TIMES,
      iss: 'https://portal.trustauthority.intel.com',
      attester_type: 'TDX',
      tdx_mrtd: 'ab',
    }
    const verdict = describeBytes('application/eat-jwt', makeJwt(claims, privateKey))
    expect(texts(verdict)).toEqual(expect.arrayContaining(['tee-type=tdx', 'measurement=mrtd:ab']))
    const other = describeBytes('application/eat+jwt', makeJwt(TIMES, privateKey))
    expect(other.findings[0]?.code).toBe('profile-not-read')
  })

  it('of a wrapper: what is inside, and what nobody reads', async () => {
    const items = new Map<string, CborValue>([
      ['cca', ['application/eat-collection', await makeCcaToken(), 4]],
      ['ear', [264, makeJwt(earClaims(), privateKey), 8]],
      ['x', ['application/example', Uint8Array.of(1)]],
    ])
    const described = describeBytes('application/cmw+cbor', encodeCbor(items))
    expect(described.kind).toBe('tee-evidence')
    expect(texts(described)).toEqual(expect.arrayContaining(['tee-type=cca', 'result=affirming']))
    expect(described.findings.map(({ code }) => code)).toEqual(['cmw-item-not-read'])
  })

  it('of bytes that are something else: refused, with a pointer to the whole', () => {
    for (const type of handlers.keys()) {
      for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3), encodeUtf8('{}')]) {
        expect(() => describeBytes(type, bytes), type).toThrow(PayloadError)
      }
    }
  })
})

describe.skipIf(!hasVectors)('descriptions of real evidence', () => {
  it.each([
    [SNP_REPORT_MEDIA_TYPE, 'tee/amd/trustee/test-report.bin', 'sev-snp', 'reported-tcb:03000873'],
    [NITRO_DOCUMENT_MEDIA_TYPE, 'tee/nitro/aws_nitro_document.cbor', 'nitro', undefined],
    [
      TPM_EVIDENCE_MEDIA_TYPE,
      'tee/tpm/az-snp-vtpm/evidence-v1.json',
      'sev-snp',
      'reported-tcb:040018db',
    ],
    [TPM_EVIDENCE_MEDIA_TYPE, 'tee/tpm/az-tdx-vtpm/evidence-v0.json', 'tdx', undefined],
    [TPM_EVIDENCE_MEDIA_TYPE, 'tee/tpm/tpm_evidence.json', 'tpm', undefined],
    ['application/eat-collection', 'tee/cca/trustee/cca-example-token.cbor', 'cca', undefined],
  ])('%s %s', (type, path, tee, tcb) => {
    const described = describeBytes(type, readVector(path))
    expect(texts(described)).toContain(`tee-type=${tee}`)
    if (tcb !== undefined) expect(texts(described)).toContain(`tcb-svn=${tcb}`)
  })

  it('reference values of a CoRIM', () => {
    const described = describeBytes(
      'application/rim+cbor',
      readVector('tee/cca/veraison/cca-endorsements.cbor'),
    )
    expect([described.kind, described.numbers[0]]).toEqual([
      'reference-values',
      { name: 'expires-on', value: Date.parse('2025-12-31T00:00:00Z') / 1000 },
    ])
    expect(texts(described).some((text) => text.startsWith('measurement=BL:0706'))).toBe(true)
  })
})
