/**
 * TEE evidence as an agent, a registry and a relying party handle it: every vendor's real sample is
 * attested, registered at a real server whose clock is that of the sample, and verified elsewhere,
 * offline; and an agent of a synthetic Intel goes the whole way with its key, its build and a checkpoint.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { inspectBytes } from '../../src/cli/inspect/inspect-bytes.ts'
import { renderItems } from '../../src/cli/inspect/item.ts'
import { publicKeyFromJwk } from '../../src/cose/jwk.ts'
import type { Jwk } from '../../src/cose/jwk.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { COLLATERAL_MEDIA_TYPE } from '../../src/payload/tee/collateral-bundle.ts'
import { parseVtpmEvidence } from '../../src/payload/tee/vtpm-evidence.ts'
import { EVIDENCE_CHECK, teeEvidencePolicyJson } from '../../src/policy/tee-evidence-policy.ts'
import type { TeeEvidencePolicy } from '../../src/policy/tee-evidence-policy.ts'
import { anchorFromFile } from '../../src/statement/trust-anchor.ts'
import { makeDcap, tcbLevel } from '../support/intel-pki.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { TestRegistry } from '../support/test-registry.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { hasVectors, readVector, readVectorJson, vectorPath } from '../support/vectors.ts'
import { attestry, commandLine } from './attestry.ts'

const ISSUER = 'https://ci.example.org'
const cwd = temporaryDirectory()
const elsewhere = temporaryDirectory()
const at = (name: string): string => join(cwd, name)
const { run, ok, json } = commandLine(() => cwd)
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

let service: TestRegistry
let url: string

function writePolicy(name: string, policy: TeeEvidencePolicy): void {
  writeFileSync(at(name), JSON.stringify({ teeEvidence: teeEvidencePolicyJson(policy) }))
}

const PLAIN: TeeEvidencePolicy = { check: EVIDENCE_CHECK }
const synthetic = makeDcap({ tee: 'tdx' })

beforeAll(async () => {
  await ok('keygen', '--out', 'issuer.pem')
  const anchor = anchorFromFile(readFileSync(at('issuer.pub.cbor')), [ISSUER])
  const startTime = seconds(SAMPLES[0]!.at) - 1
  service = await TestRegistry.create({ anchors: [anchor], startTime })
  ;({ url } = await service.listen())
  writePolicy('plain.json', PLAIN)
})
afterAll(() => service.close())

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

/** The policy of the log from now on, and the same for the command line. */
async function setPolicy(policy: TeeEvidencePolicy): Promise<void> {
  await service.registry.register(await service.policyStatement({ teeEvidence: policy }))
  writePolicy('policy.json', policy)
}

const as = (subject: string): string[] => ['--key', 'issuer.pem', '--issuer', ISSUER, '--subject', subject] // prettier-ignore

describe.skipIf(!hasVectors)('real evidence of every vendor', () => {
  beforeAll(async () => {
    await setPolicy({
      ...PLAIN,
      endorsers: {
        cca: [publicKeyFromJwk(readVectorJson<Jwk>('tee/cca/trustee/cpak-pub.json'))],
        tpm: [parseVtpmEvidence(readVector('tee/tpm/tpm_evidence.json')).claimedKey!],
      },
    })
    await json('trust', 'fetch', '--url', url, '-o', 'trust.json')
    await json('trust', 'add', 'trust.json', '--issuer', `issuer.pub.cbor=${ISSUER}`)
    cpSync(at('trust.json'), join(elsewhere, 'trust.json'))
  })

  it.each(SAMPLES.map((sample, number) => ({ ...sample, number })))(
    '$kind $file is attested, registered, and verified elsewhere',
    async ({ number, kind, file, format, at: time, collateral, finding }) => {
      service.clock.time = Math.max(service.clock.time, seconds(time))
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
      const verified = await attestry(['verify', transparent, '--trust', 'trust.json'], { cwd: elsewhere }) // prettier-ignore
      expect(verified.status, verified.stderr).toBe(0)
      const again = await attestry(
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
    const rejected = await run('register', 'x.cose', '--url', url)
    expect([rejected.status, rejected.stderr]).toEqual([1, expect.stringContaining('document-signature')]) // prettier-ignore
  })

  it('evidence without its collateral says what is missing, and what to do', async () => {
    const refused = await run('attest', 'tdx', vector('intel/dcap-qvl/tdx_quote.bin'), ...as('x'), '-o', 'x.cose') // prettier-ignore
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/crl-missing\)\nhint: .*--collateral/)]) // prettier-ignore
    const wrong = await run('attest', 'sgx', vector('intel/dcap-qvl/tdx_quote.bin'), ...as('x'), '-o', 'x.cose') // prettier-ignore
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('it is an Intel TDX quote')]) // prettier-ignore
  })
})

describe('an agent in a TD of a synthetic Intel', () => {
  const buildId = 'https://ci.example.org/runs/17'
  const BUILD = ['--bind', 'build', '--build-id', buildId, '--checkpoint', 'note']
  let entryId: string

  beforeAll(async () => {
    service.clock.time = Math.max(service.clock.time, TEST_NOW)
    await setPolicy({ ...PLAIN, roots: { intel: synthetic.roots }, checkpointAgeMax: 3600 })
    await json('trust', 'fetch', '--url', url, '-o', 'trust.json', '--replace')
    await json('trust', 'add', 'trust.json', '--issuer', `issuer.pub.cbor=${ISSUER}`)
    await json('keygen', '--out', 'agent.pem')
    writeFileSync(at('collateral.cbor'), encodeCollateral(synthetic.collateral))
  })
  const log = (): string[] => ['--url', url, '--trust', 'trust.json']
  const attest = (file: string, ...more: string[]): string[] => [
    ...['attest', 'tdx', file, '--policy', 'policy.json', '--at', String(TEST_NOW), ...more],
    ...[...as(buildId), '-o', `${file}.cose`],
  ]

  it('asks for the bytes to attest, dated by the current checkpoint', async () => {
    const asked = await json<{ reportData: string; checkpoint: { treeSize: number } }>(
      ...['attest', 'nonce', 'build', '--build-id', buildId, '--bound-key', 'issuer.pub.cbor'],
      ...[...log(), '--checkpoint-out', 'note', '-o', 'report-data.bin'],
    )
    expect(asked.checkpoint.treeSize).toBeGreaterThan(1)
    expect(readFileSync(at('report-data.bin')).toString('hex')).toBe(asked.reportData)
    // The same from the file, for a pipe.
    const again = await run('attest', 'nonce', 'build', '--build-id', buildId, '--bound-key', 'issuer.pub.cbor', '--checkpoint', 'note', '-o', '-') // prettier-ignore
    expect(Buffer.from(again.stdoutBytes).toString('hex')).toBe(asked.reportData)
    const { quote } = makeDcap({ tee: 'tdx', reportData: decodeHex(asked.reportData) })
    writeFileSync(at('quote.bin'), quote)
  })

  it('registers collateral once, and evidence that names it', async () => {
    await json('sign', 'collateral.cbor', ...as('urn:collateral'), '--type', COLLATERAL_MEDIA_TYPE, '-o', 'collateral.cose') // prettier-ignore
    const collateral = await json('register', 'collateral.cose', '--url', url)
    const attested = await json('attest', 'tdx', 'quote.bin', '--policy', 'policy.json', '--at', String(TEST_NOW), '--registered', collateral['entryId'] as string, ...BUILD, ...log(), ...as(buildId), '-o', 'quote.cose') // prettier-ignore
    expect(attested).toMatchObject({
      appraisal: {
        bindings: [{ type: 'build', buildId, after: { origin: 'log.example/1' } }],
        findings: [],
        tcb: { status: 'UpToDate' },
      },
    })
    const registered = await json('register', 'quote.cose', '--url', url)
    entryId = registered['entryId'] as string
  })

  it('shows when it was made: after one head, before the other', async () => {
    const shown = await ok('appraise', entryId, ...log(), '--policy', 'policy.json', '--at', String(TEST_NOW)) // prettier-ignore
    expect(shown).toMatch(/HOLDS/)
    expect(shown).toMatch(/bound by build +key [0-9a-f]{64}, build https.*made after the checkpoint of size \d+/) // prettier-ignore
    expect(shown).toMatch(/made +after head \d+, before head \d+/)
    expect(shown).toContain('the same as at its registration')
    expect(shown).toContain(`stated by   ${ISSUER} about ${buildId}`)
    expect(await ok('inspect', 'quote.cose')).toMatch(/made after +checkpoint of size \d+ of log\.example/) // prettier-ignore
  })

  it.each<[string, string, readonly string[]]>([
    ['another build', 'binding-build', ['--bind', 'build', '--build-id', 'run 18', '--checkpoint', 'note']], // prettier-ignore
    ['another key', 'binding-build', [...BUILD, '--bound-key', 'agent.pub.cbor']],
    ['a key alone', 'binding-key', ['--bind', 'key']],
    ['a payload', 'binding-payload', ['--bind', 'payload', '--payload', 'policy.json']],
    ['a field that it has not', 'binding-place', ['--bind', 'key', '--place', 'nonce']],
  ])('is not taken for %s', async (_name, reason, binding) => {
    const args = [...binding, '--collateral', 'collateral.cbor', ...(binding.includes('note') ? log() : [])] // prettier-ignore
    const refused = await run(...attest('quote.bin', ...args))
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(`, ${reason})`)])
  })

  it('is appraised again when the vendor knows more, and says so as a result', async () => {
    const newer = makeDcap({
      tee: 'tdx',
      tcbInfo: {
        tcbEvaluationDataNumber: 21,
        tcbLevels: [tcbLevel('UpToDate', { pcesvn: 14 }), tcbLevel('OutOfDate', { advisoryIDs: ['INTEL-SA-01234'] })], // prettier-ignore
      },
    })
    writeFileSync(at('newer.cbor'), encodeCollateral(newer.collateral))
    const appraise = [...['appraise', entryId, ...log(), '--policy', 'policy.json'], '--at', String(TEST_NOW + 60), '--collateral', 'newer.cbor'] // prettier-ignore
    const result = await json<{ changes: object[]; result: { entryId: string } }>(
      ...[...appraise, '--key', 'issuer.pem', '--issuer', ISSUER, '--register', '-o', 'ear.cose'],
    )
    expect(result).toMatchObject({ verdict: 'holds', status: 'warning', appraisal: { tcb: { status: 'OutOfDate' } }, atRegistration: { tcb: { status: 'UpToDate' } } }) // prettier-ignore
    expect(result.changes).toContainEqual({ what: 'tcb-status', before: 'UpToDate', after: 'OutOfDate' }) // prettier-ignore
    expect(await ok('inspect', 'ear.cose')).toMatch(/changed tcb-status +UpToDate → OutOfDate/)
    expect((await run('verify', 'ear.cose', '--trust', 'trust.json')).status).toBe(0)
    // The policy of whoever asks may refuse what the log took.
    writePolicy('strict.json', { ...PLAIN, roots: { intel: synthetic.roots }, outOfDate: 'refuse' })
    const strict = await run(...appraise, '--policy', 'strict.json')
    expect([strict.status, strict.stdout]).toEqual([2, expect.stringMatching(/CONTRAINDICATED.*tcb-status/)]) // prettier-ignore
  })

  it('is held against reference values', async () => {
    const { appraisal } = await json<{ appraisal: { measurements: { name: string; value: string }[] } }>('appraise', entryId, ...log(), '--policy', 'policy.json', '--at', String(TEST_NOW)) // prettier-ignore
    const mrtd = appraisal.measurements.find(({ name }) => name === 'mrtd')!.value
    const against = async (measurements: object): Promise<[number | null, string]> => {
      writeFileSync(at('reference.json'), JSON.stringify({ measurements }))
      const args = ['appraise', entryId, ...log(), '--policy', 'policy.json', '--at', String(TEST_NOW)] // prettier-ignore
      const { status, stdout } = await run(...args, '--reference', 'reference.json')
      return [status, stdout]
    }
    expect(await against({ mrtd })).toEqual([0, expect.stringContaining('measured as the reference')]) // prettier-ignore
    expect(await against({ mrtd: '00'.repeat(48) })).toEqual([2, expect.stringContaining('NOT as')])
    expect(await against({ mrenclave: '11'.repeat(32) })).toEqual([3, expect.stringContaining('CANNOT TELL')]) // prettier-ignore
  })

  it('is refused by the log when its checkpoint is old, or of another log', async () => {
    service.clock.time += 7200
    writeFileSync(at('late.bin'), readFileSync(at('quote.bin')))
    await ok(...attest('late.bin', ...BUILD, '--collateral', 'collateral.cbor', '--log-key', await vkey())) // prettier-ignore
    const stale = await run('register', 'late.bin.cose', '--url', url)
    expect([stale.status, stale.stderr]).toEqual([1, expect.stringContaining('binding-stale')])
    const foreign = await run(...attest('late.bin', ...BUILD, '--collateral', 'collateral.cbor', '--log-key', 'other.example+2f7b2a0f+AXZm')) // prettier-ignore
    expect(foreign.status).not.toBe(0)
    const unnamed = await run(...attest('late.bin', ...BUILD, '--collateral', 'collateral.cbor'))
    expect([unnamed.status, unnamed.stderr]).toEqual([4, expect.stringContaining('--log-key')])
  })

  const vkey = async (): Promise<string> => (await (await fetch(`${url}/log-key`)).text()).trim()

  it('goes by its digest where it is too large, and keeps the content', async () => {
    const refused = await run(...attest('quote.bin', '--collateral', 'collateral.cbor', '--hash', 'sha-256')) // prettier-ignore
    expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining('--payload-out')])
    const hashed = await json(...attest('quote.bin', '--collateral', 'collateral.cbor', '--hash', 'sha-256', '--payload-out', 'quote.content')) // prettier-ignore
    expect(hashed).toMatchObject({ hash: 'SHA-256', payloadOut: 'quote.content' })
    const withheld = await run('appraise', 'quote.bin.cose', '--policy', 'policy.json')
    expect([withheld.status, withheld.stderr]).toEqual([4, expect.stringContaining('--payload FILE')]) // prettier-ignore
    // The registry reads it when it decides, and whoever asks again reads it from there.
    const content = new Uint8Array(readFileSync(at('quote.content')))
    const refusal = await run('register', 'quote.bin.cose', '--url', url)
    expect([refusal.status, refusal.stderr]).toEqual([1, expect.stringContaining('content-missing')]) // prettier-ignore
    await service.ports.payloads.store.put({
      ...{ name: { algorithm: 'SHA-256', digest: sha256(content) }, sha256: sha256(content) },
      ...{ bytes: content, storedAt: service.clock.time },
    })
    const { entryId: id } = await json('register', 'quote.bin.cose', '--url', url)
    const fetched = await run('appraise', id as string, ...log(), '--policy', 'policy.json', '--at', String(TEST_NOW)) // prettier-ignore
    expect(fetched.status, fetched.stderr).toBe(0)
    const appraised = await run('appraise', 'quote.bin.cose', '--policy', 'policy.json', '--payload', 'quote.content', '--at', String(TEST_NOW)) // prettier-ignore
    expect(appraised.status, appraised.stderr).toBe(0)
  })
})

describe('the commands', () => {
  it('take a directory of configfs-tsm, and a pipe', async () => {
    mkdirSync(at('tsm'))
    writeFileSync(at('tsm/provider'), 'tdx_guest\n')
    writeFileSync(at('tsm/outblob'), synthetic.quote)
    writeFileSync(at('tsm/auxblob'), '')
    writePolicy('synthetic.json', { ...PLAIN, roots: { intel: synthetic.roots } })
    writeFileSync(at('c.cbor'), encodeCollateral(synthetic.collateral))
    const args = ['--policy', 'synthetic.json', '--collateral', 'c.cbor', '--at', String(TEST_NOW), ...as('x')] // prettier-ignore
    expect(await json('attest', 'tdx', 'tsm', ...args, '-o', 'tsm.cose')).toMatchObject({ format: 'tsm-report' }) // prettier-ignore
    const piped = await attestry(['attest', 'tdx', '-', ...args], { cwd, stdin: synthetic.quote })
    expect(piped.status, piped.stderr).toBe(0)
    writeFileSync(at('piped.cose'), piped.stdoutBytes)
    const shown = await attestry(['inspect', '-', '--json'], { cwd, stdin: piped.stdoutBytes })
    expect(JSON.parse(shown.stdout)).toMatchObject({ kind: 'Signed Statement', verified: false })
    const appraised = await attestry(['appraise', '-', '--policy', 'synthetic.json', '--at', String(TEST_NOW)], { cwd, stdin: piped.stdoutBytes }) // prettier-ignore
    expect(appraised.status, appraised.stderr).toBe(0)
  })

  it.each<[string, readonly string[], string]>([
    ['a binding without its type', ['attest', 'tdx', 'x', '--payload', 'y'], '--bind'],
    ['a payload without a file', ['attest', 'nonce', 'payload'], '--payload FILE'],
    ['a build without a key', ['attest', 'nonce', 'build', '--build-id', 'x', '--checkpoint', 'plain.json'], '--bound-key'], // prettier-ignore
    ['a build without a checkpoint', ['attest', 'nonce', 'build', '--build-id', 'x'], '--checkpoint'], // prettier-ignore
    ['an option that takes no part', ['attest', 'nonce', 'key', '--build-id', 'x'], 'says nothing'],
    ['another type', ['attest', 'nonce', 'colour'], 'colour'],
    ['a log that nothing pins', ['attest', 'tdx', 'x', '--url', 'http://127.0.0.1:1'], '--trust'],
    ['a log that nothing pins, to appraise', ['appraise', 'plain.json', '--url', 'http://127.0.0.1:1'], '--trust'], // prettier-ignore
    ['a result that nobody signs', ['appraise', 'plain.json', '--register'], '--key'],
    ['a result that goes nowhere', ['appraise', 'plain.json', '--key', 'issuer.pem', '--issuer', 'x'], '--register'], // prettier-ignore
    ['an entry without a log', ['appraise', 'ab'.repeat(32)], '--url'],
    ['a file that is no evidence', ['appraise', 'plain.json'], 'holds no evidence'],
    ['a policy that is silent about it', ['appraise', 'tsm/outblob', '--policy', 'silent.json'], 'teeEvidence'], // prettier-ignore
    ['a collateral that is none', ['appraise', 'tsm/outblob', '--collateral', 'plain.json'], 'plain.json'], // prettier-ignore
  ])('refuse %s', async (_name, args, text) => {
    writeFileSync(at('silent.json'), '{"version":1}')
    const isKind = args[1] === 'tdx'
    const { status, stderr } = await run(...args, ...(isKind ? [...as('x'), '-o', 'y'] : []))
    expect([status, stderr]).toEqual([4, expect.stringContaining(text)])
  })
})
