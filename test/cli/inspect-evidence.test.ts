/** Evidence, collateral and results for people: what is shown, and that nothing breaks it. */
import { describe, expect, it } from 'vitest'
import { CborTag } from '../../src/cbor/decode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { inspectBytes } from '../../src/cli/inspect/inspect-bytes.ts'
import { renderItems } from '../../src/cli/inspect/item.ts'
import { escapeText } from '../../src/cli/escape.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { encodeTeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport } from '../support/amd-evidence.ts'
import {
  keyReportData,
  makeAttestedStatement,
  makeAttestedWorld,
} from '../support/attested-evidence.ts'
import { noteOf } from '../support/evidence-request.ts'
import { makeDcap, svnLevel, tcbLevel } from '../support/intel-pki.ts'
import { earClaims, makeJwt } from '../support/result-tokens.ts'
import { generateTestKeys } from '../support/test-pki.ts'
import { testSigner } from '../support/test-signer.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

function shown(bytes: Uint8Array): string {
  const { kind, items } = inspectBytes(bytes)
  return [kind, ...renderItems(items)].join('\n')
}

const dcap = makeDcap({
  tee: 'tdx',
  tcbInfo: { tcbLevels: [tcbLevel('OutOfDate', { advisoryIDs: ['INTEL-SA-01234'] })] },
  qeIdentity: { tcbLevels: [svnLevel('UpToDate', 8)] },
})
const container: TeeEvidence = {
  ...{ format: 'tdx-quote', evidence: dcap.quote, collateral: encodeCollateral(dcap.collateral) },
  registered: [new Uint8Array(32).fill(0xab)],
  binding: { type: 'build', buildId: 'run 17', key: encodeCoseKey(testSigner().publicKey) },
  checkpoint: await noteOf(1234),
}

describe('inspect of evidence', () => {
  it('shows a container: measurements, TCB by its parts, binding, bracket and windows', () => {
    const text = shown(encodeTeeEvidence(container))
    expect(text).toMatch(/^TEE evidence container, tdx-quote/)
    expect(text).toMatch(/debug +no/)
    expect(text).toMatch(/mrtd +[0-9a-f]{96}/)
    expect(text).not.toMatch(/rtmr3/) // zeros measure nothing
    expect(text).toMatch(/tcb +OutOfDate +\(as the collateral beside rates it, not verified\)/)
    expect(text).toMatch(
      /platform +OutOfDate +\(INTEL-SA-01234\)\n(?: +module +UpToDate\n)? +qe +UpToDate/,
    )
    expect(text).toMatch(/binding +build +\(claimed\)\n +key +[0-9a-f]{64}\n +build id +run 17/)
    expect(text).toMatch(
      /made after +checkpoint of size 1234 of log\.example\/attestry +\(claimed\)/,
    )
    expect(text).toMatch(/collateral in entry +(?:ab){32}/)
    expect(text).toMatch(/intel-tcb-info +2026-05-20T00:00:00Z … 2026-06-19T00:00:00Z/)
    expect(text).toMatch(/intel-root-crl .*\n +by +Intel SGX Root CA\n +revoked +0 certificates/)
  })

  it('says plainly when it is bound to nothing', () => {
    const text = shown(encodeTeeEvidence({ format: 'tdx-quote', evidence: dcap.quote }))
    expect(text).toMatch(/binding +none +\(it proves no environment of anything else\)/)
  })

  it('shows what cannot be read as unreadable, and goes on', () => {
    const text = shown(
      encodeTeeEvidence({
        ...{ format: 'snp-report', evidence: Uint8Array.of(1), collateral: Uint8Array.of(1) },
        ...{ binding: { type: 'checkpoint' }, checkpoint: Uint8Array.of(1) },
      }),
    )
    expect(text).toContain('not a snp-report')
    expect(text).toMatch(/checkpoint +h'01' +\(unreadable\)/)
  })

  it('marks what names one chip', () => {
    const report = makeSnpReport(makeSnpKey(makeAmdPki()), { debug: true })
    const text = shown(report)
    expect(text).toMatch(/^TEE evidence, snp-report/)
    expect(text).toMatch(/chip id +[0-9a-f]{128} +\(names one chip/)
    expect(text).toMatch(/debug +yes/)
  })

  it('shows a bundle alone, and an EAR of anybody', () => {
    expect(shown(encodeCollateral(dcap.collateral))).toMatch(/^TEE collateral\nintel/)
    const { privateKey } = generateTestKeys('P-256')
    const text = shown(makeJwt(earClaims(), privateKey))
    expect(text).toMatch(/^attestation result \(EAR\)/)
    expect(text).toMatch(/status +affirming/)
  })

  it('shows the files of a vendor that a bundle is made of, each alone', () => {
    const { collateral } = dcap
    expect(shown(collateral['intel-tcb-info']!)).toMatch(
      /^TEE collateral\nintel-tcb-info +2026-05-20/,
    )
    expect(shown(collateral['intel-qe-identity']!)).toMatch(/^TEE collateral\nintel-qe-identity/)
    expect(shown(collateral['intel-root-crl']!)).toMatch(/^certificate revocation list\nintel-root-crl .*\n +by +Intel SGX Root CA/) // prettier-ignore
    expect(shown(collateral['intel-tcb-info-chain']![0]!)).toMatch(/^X\.509 certificate/)
  })

  it('shows reference values of a CoRIM', () => {
    const environment = new Map<CborValue, CborValue>([[1, new CborTag(550, Uint8Array.of(1, 2))]])
    const digests = [[7, new Uint8Array(48).fill(0xab)]]
    const measured = new Map<CborValue, CborValue>([[0, 'kernel'], [1, new Map([[2, digests]])]]) // prettier-ignore
    const key = new CborTag(558, encodeCoseKey(testSigner().publicKey))
    const triples = new Map<CborValue, CborValue>([[0, [[environment, [measured]]]], [1, [[environment, []]]], [3, [[environment, [key]]]]]) // prettier-ignore
    const comid = new CborTag(506, encodeCbor(new Map([[4, triples]])))
    const until = new Map([[1, new CborTag(1, 5)]])
    const corim = new Map<CborValue, CborValue>([[0, 'id'], [1, [comid]], [4, until]]) // prettier-ignore
    expect(shown(encodeCbor(new CborTag(501, corim)))).toMatch(
      /^reference values \(CoRIM\)\nuntil +1970-01-01T00:00:05Z\nkernel +sha384:(?:ab){48}\n +instance +0102\nplatform key +[0-9a-f]{64}\n +instance +0102\nnot read +1 other triples$/,
    )
  })

  it('leaves terminal escapes in texts to the printer, which makes them harmless', () => {
    const evil = '\u001b[2J\u202erun'
    const text = shown(
      encodeTeeEvidence({ ...container, binding: { type: 'build', buildId: evil } }),
    )
    expect(text).toContain(evil)
    const printed = text.split('\n').map(escapeText).join('\n')
    expect(printed).toContain('\\u{1b}[2J\\u{202e}run')
    expect(printed).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
  })

  it('says of a quote that it is cut short, wherever its header is whole', () => {
    for (let length = 48; length < dcap.quote.length; length += 101) {
      expect(shown(dcap.quote.slice(0, length))).toMatch(
        /^TEE quote, cut short\nbecause +the .+ ends early/,
      )
    }
    expect(shown(dcap.quote.slice(0, 47))).not.toContain('quote')
    expect(inspectBytes(new Uint8Array(2000)).kind).not.toContain('quote')
  })

  it('survives truncation and flipped bytes', () => {
    const whole = encodeTeeEvidence(container)
    for (let at = 0; at < whole.length; at += 97) {
      inspectBytes(whole.subarray(0, at))
      const changed = whole.slice()
      changed[at] = changed[at]! ^ 0x81
      expect(inspectBytes(changed).kind).not.toBe('')
    }
  })

  it('shows the environment of a service that signs from one: its host data is what a policy lists', async () => {
    const world = makeAttestedWorld()
    const signer = testSigner('ES384')
    const report = makeSnpReport(world.vcek, {
      ...{ reportData: keyReportData(signer), hostData: new Uint8Array(32).fill(0xcd) },
    })
    const text = shown(await makeAttestedStatement(world, { signer, report }))
    expect(text).toMatch(/attested by +TEE evidence, snp-report +\(not verified\)/)
    expect(text).toMatch(/host-data +(?:cd){32}/)
    const broken = await makeAttestedStatement(world, { signer, report: Uint8Array.of(1) })
    expect(shown(broken)).not.toContain('attested by')
  })

  it.skipIf(!hasVectors).each([
    ['nitro/aws_nitro_document.cbor', /made at +2022-11-09T22:52:00Z[^]*module id/],
    ['tpm/az-snp-vtpm/evidence-v1.json', /pcr4 [^]*hardware below\n +tee +sev-snp/],
    ['tpm/az-tdx-vtpm/evidence-v1.json', /hardware below\n +tee +tdx/],
    ['tpm/tpm_evidence.json', /attestation key +in the evidence +\(claimed\)/],
    ['cca/trustee/cca-example-token.cbor', /rim +[0-9a-f]+[^]*lifecycle +0x3003/],
    ['intel/dcap-qvl/sgx_quote.bin', /mrenclave +[0-9a-f]{64}/],
    ['amd/trustee/test-report.bin', /reported-tcb +03000873/],
  ])('shows the real %s', (path, expected) => {
    expect(shown(readVector(`tee/${path}`))).toMatch(expected)
  })
})
