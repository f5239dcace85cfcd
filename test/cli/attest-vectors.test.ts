/**
 * Every vendor's real sample is attested, registered at a real server whose clock is that of the sample,
 * and verified elsewhere, offline; and its broken twins are refused before anything is signed.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { inspectBytes } from '../../src/cli/inspect/inspect-bytes.ts'
import { renderItems } from '../../src/cli/inspect/item.ts'
import { publicKeyFromJwk } from '../../src/cose/jwk.ts'
import type { Jwk } from '../../src/cose/jwk.ts'
import { parseVtpmEvidence } from '../../src/payload/tee/vtpm-evidence.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { hasVectors, readVector, readVectorJson, vectorPath } from '../support/vectors.ts'
import { hosted } from './attestry.ts'
import { as, evidenceFolder, evidenceService, PLAIN } from './evidence-service.ts'

const elsewhere = temporaryDirectory()
const seconds = (text: string): number => Date.parse(text) / 1000
const vector = (path: string): string => vectorPath(`tee/${path}`)

const INTEL_FILES = ['tcbInfo.json', 'qeIdentity.json', 'rootcrl.der', 'pckcrl.der', 'tcb_signing_chain.pem', 'pckcrl_issuer_chain.pem'] // prettier-ignore

interface Sample {
  readonly kind: string
  readonly file: string
  readonly format: string
  readonly at: string
  /** Files that are laid into a directory of collateral. */
  readonly collateral: readonly string[]
  readonly finding?: string
}

const AMD_2026 = '2026-01-01T00:00:00Z'
const SAMPLES: readonly Sample[] = [
  { kind: 'nitro', file: 'nitro/aws_nitro_document.cbor', format: 'nitro-document', at: '2022-11-09T22:52:01Z', collateral: [] }, // prettier-ignore
  { kind: 'tdx', file: 'intel/trustee/tdx_quote_4.dat', format: 'tdx-quote', at: '2023-07-01T01:00:00Z', collateral: INTEL_FILES.map((name) => `intel/go-tdx-guest/${name}`), finding: 'debug-environment' }, // prettier-ignore
  { kind: 'tdx', file: 'intel/go-tdx-guest/tdx_prod_quote_SPR_E4.dat', format: 'tdx-quote', at: '2023-07-01T01:00:00Z', collateral: INTEL_FILES.map((name) => `intel/go-tdx-guest/${name}`), finding: 'tcb-not-up-to-date' }, // prettier-ignore
  { kind: 'tdx', file: 'intel/dcap-qvl/tdx_quote.bin', format: 'tdx-quote', at: '2025-07-01T00:00:00Z', collateral: ['intel/dcap-qvl/tdx_quote_collateral.json'], finding: 'trailing-bytes' }, // prettier-ignore
  { kind: 'sgx', file: 'intel/dcap-qvl/sgx_quote.bin', format: 'sgx-quote', at: '2025-07-01T00:00:00Z', collateral: ['intel/dcap-qvl/sgx_quote_collateral.json'], finding: 'tcb-not-up-to-date' }, // prettier-ignore
  { kind: 'snp', file: 'amd/trustee/test-report.bin', format: 'snp-report', at: AMD_2026, collateral: ['amd/trustee/test-vcek.der', 'amd/roots/ask_ark_milan.pem'] }, // prettier-ignore
  { kind: 'snp', file: 'amd/go-sev-guest/attestation.bin', format: 'snp-report', at: AMD_2026, collateral: ['amd/go-sev-guest/vcek.der', 'amd/roots/ask_ark_milan.pem'], finding: 'debug-environment' }, // prettier-ignore
  { kind: 'tpm', file: 'tpm/az-snp-vtpm/evidence-v1.json', format: 'azure-vtpm', at: AMD_2026, collateral: ['amd/roots/ask_ark_milan.pem'] }, // prettier-ignore
  {
    kind: 'tpm',
    file: 'tpm/tpm_evidence.json',
    format: 'tpm-evidence',
    at: AMD_2026,
    collateral: [],
  },
  {
    kind: 'cca',
    file: 'cca/trustee/cca-example-token.cbor',
    format: 'cca-token',
    at: AMD_2026,
    collateral: [],
  },
]

const folder = evidenceFolder()
const { at, run, ok, json } = folder
const service = evidenceService(folder, seconds(SAMPLES[0]!.at) - 1)

/** One bit of one byte; a position below zero counts from the end. */
function flip(position: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const at = position < 0 ? bytes.length + position : position
    bytes[at] = bytes[at]! ^ 1
    return bytes
  }
}

/** A text in place of another one, which is there. */
function rewrite(from: string, to: string): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const text = new TextDecoder().decode(bytes)
    expect(text).toContain(from)
    return encodeUtf8(text.replace(from, to))
  }
}

describe.skipIf(!hasVectors)('real evidence of every vendor', () => {
  beforeAll(async () => {
    await service().setPolicy({
      ...PLAIN,
      endorsers: {
        cca: [publicKeyFromJwk(readVectorJson<Jwk>('tee/cca/trustee/cpak-pub.json'))],
        tpm: [parseVtpmEvidence(readVector('tee/tpm/tpm_evidence.json')).claimedKey!],
      },
    })
    await service().pin()
    cpSync(at('trust.json'), join(elsewhere, 'trust.json'))
  })

  it.each(SAMPLES.map((sample, number) => ({ ...sample, number })))(
    '$kind $file is attested, registered, and verified elsewhere',
    async ({ number, kind, file, format, at: time, collateral, finding }) => {
      const { registry, url } = service()
      registry.clock.time = Math.max(registry.clock.time, seconds(time))
      const name = `sample-${number}`
      const more: string[] = ['--at', time, '--policy', 'policy.json']
      if (collateral.length > 0) {
        mkdirSync(at(name))
        for (const one of collateral) cpSync(vector(one), at(`${name}/${one.split('/').at(-1)!}`))
        more.push('--collateral', name)
      }
      const attested = await json<{ entryId: string; appraisal: { findings: { code: string }[] } }>(
        ...['attest', kind, vector(file), ...more, ...as(`urn:sample:${number}`), '-o', `${name}.cose`], // prettier-ignore
      )
      expect(attested).toMatchObject({ format, hash: null })
      const codes = attested.appraisal.findings.map(({ code }) => code)
      expect(codes).toContain('evidence-not-bound')
      if (finding !== undefined) expect(codes).toContain(finding)

      const transparent = join(elsewhere, `${name}.transparent.cose`)
      const registered = await json('register', `${name}.cose`, '--url', url, '-o', transparent)
      expect(registered).toMatchObject({ entryId: attested.entryId })
      // Another directory, no network, today.
      const verified = await hosted(['verify', transparent, '--trust', 'trust.json'], { cwd: elsewhere }) // prettier-ignore
      expect(verified.status, verified.stderr).toBe(0)
      const again = await hosted(
        ['appraise', transparent, '--trust', 'trust.json', '--at', time, '--policy', at('policy.json'), '--json'], // prettier-ignore
        { cwd: elsewhere },
      )
      const result = JSON.parse(again.stdout) as Record<string, unknown>
      expect(result).toMatchObject({ changes: [], atRegistration: { outcome: 'holds' } })
      const isDebug = finding === 'debug-environment'
      const isUnlevelled = file.includes('SPR_E4')
      expect(again.status).toBe(isDebug || isUnlevelled ? 2 : 0)
      // What a person sees of it.
      const shown = renderItems(inspectBytes(readFileSync(at(`${name}.cose`))).items).join('\n')
      expect(shown).toContain(`TEE evidence container, ${format}`)
      expect(shown).toMatch(/report data +\S/)
    },
  )

  it.each<[string, string, (bytes: Uint8Array) => Uint8Array]>([
    ['intel/dcap-qvl/tdx_quote.bin', 'quote-signature', flip(600)],
    ['intel/dcap-qvl/sgx_quote.bin', 'quote-signature', flip(120)],
    ['amd/trustee/test-report.bin', 'report-signature', flip(0x91)],
    ['tpm/az-snp-vtpm/evidence-v1.json', 'pcr-digest', rewrite('e15c4479', 'e15c4478')],
    ['tpm/tpm_evidence.json', 'quote-signature', rewrite('/1RDR4AYACIACzCB', '/1RDR4AYACIACzCC')],
    ['cca/trustee/cca-example-token.cbor', 'realm-signature', flip(-1)],
  ])('%s, broken, is refused before anything is signed: %s', async (file, reason, change) => {
    const number = SAMPLES.findIndex((sample) => sample.file === file)
    const { kind, collateral, at: time } = SAMPLES[number]!
    writeFileSync(at('broken.bin'), change(readVector(`tee/${file}`).slice()))
    const given = collateral.length === 0 ? [] : ['--collateral', `sample-${number}`]
    const refused = await run('attest', kind, 'broken.bin', '--at', time, '--policy', 'policy.json', ...given, ...as('broken'), '-o', 'broken.cose', '--json') // prettier-ignore
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(`(ERR_TEE_EVIDENCE, ${reason})`)]) // prettier-ignore
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'ERR_TEE_EVIDENCE', reason } }) // prettier-ignore
    expect(existsSync(at('broken.cose'))).toBe(false)
  })

  it('a Nitro document with a broken signature, and a registry that says the same', async () => {
    const refused = await run('attest', 'nitro', vector('nitro/aws_nitro_document_bad_sig.cbor'), ...as('x'), '-o', 'x.cose') // prettier-ignore
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('document-signature')]) // prettier-ignore
    // Who signs it all the same does not get it in.
    await ok('sign', vector('nitro/aws_nitro_document_bad_sig.cbor'), ...as('x'), '--type', 'application/vnd.attestry.nitro-document', '-o', 'x.cose') // prettier-ignore
    const rejected = await run('register', 'x.cose', '--url', service().url)
    expect([rejected.status, rejected.stderr]).toEqual([1, expect.stringContaining('document-signature')]) // prettier-ignore
  })

  it('evidence without its collateral says what is missing, and what to do', async () => {
    const refused = await run('attest', 'tdx', vector('intel/dcap-qvl/tdx_quote.bin'), ...as('x'), '-o', 'x.cose') // prettier-ignore
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/crl-missing\)\nhint: .*--collateral/)]) // prettier-ignore
    const wrong = await run('attest', 'sgx', vector('intel/dcap-qvl/tdx_quote.bin'), ...as('x'), '-o', 'x.cose') // prettier-ignore
    expect([wrong.status, wrong.stderr]).toEqual([4, expect.stringContaining('it is an Intel TDX quote')]) // prettier-ignore
  })
})
