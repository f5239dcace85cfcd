/**
 * An agent in a TD of a synthetic Intel goes the whole way with its key, its build and a checkpoint of a
 * real server's log; what is not bound as it says is refused, and what is is appraised again later.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { encodeTeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { makeDcap, tcbLevel } from '../support/intel-pki.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { as, evidenceFolder, evidenceService, ISSUER, PLAIN } from './evidence-service.ts'

const folder = evidenceFolder()
const { at, run, ok, json, write } = folder
const service = evidenceService(folder, TEST_NOW)
const synthetic = makeDcap({ tee: 'tdx' })
let url: string

describe('an agent in a TD of a synthetic Intel', () => {
  const buildId = 'https://ci.example.org/runs/17'
  const BUILD = ['--bind', 'build', '--build-id', buildId, '--checkpoint', 'note']
  let entryId: string

  beforeAll(async () => {
    ;({ url } = service())
    await service().setPolicy({
      ...PLAIN,
      roots: { intel: synthetic.roots },
      checkpointAgeMax: 3600,
    })
    await service().pin()
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
    expect(shown).toContain('the same as of its registration')
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
    write('strict.json', { ...PLAIN, roots: { intel: synthetic.roots }, outOfDate: 'refuse' })
    const strict = await run(...appraise, '--policy', 'strict.json')
    expect([strict.status, strict.stdout]).toEqual([2, expect.stringMatching(/CONTRAINDICATED.*tcb-status/)]) // prettier-ignore
  })

  it('cannot be told where the collateral that it names is not in the log that is asked', async () => {
    const container = encodeTeeEvidence({
      ...{ format: 'tdx-quote', evidence: synthetic.quote },
      registered: [sha256(encodeUtf8('no entry'))],
    })
    writeFileSync(at('lost.cbor'), container)
    const args = ['appraise', 'lost.cbor', ...log(), '--policy', 'policy.json', '--at', String(TEST_NOW)] // prettier-ignore
    const lost = await run(...args)
    expect([lost.status, lost.stdout]).toEqual([3, expect.stringContaining('collateral-unregistered')]) // prettier-ignore
    expect(lost.stdout).toMatch(/^hint: .*--collateral/m)
    expect((await run(...args, '--collateral', 'collateral.cbor')).status).toBe(0)
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
    service().registry.clock.time += 7200
    writeFileSync(at('late.bin'), readFileSync(at('quote.bin')))
    await ok(...attest('late.bin', ...BUILD, '--collateral', 'collateral.cbor', '--log-key', await vkey())) // prettier-ignore
    const stale = await run('register', 'late.bin.cose', '--url', url)
    expect([stale.status, stale.stderr]).toEqual([1, expect.stringContaining('binding-stale')])
    const foreign = await run(...attest('late.bin', ...BUILD, '--collateral', 'collateral.cbor', '--log-key', 'other.example+2f7b2a0f+AXZm')) // prettier-ignore
    expect(foreign.status).not.toBe(0)
    const unnamed = await run(...attest('late.bin', ...BUILD, '--collateral', 'collateral.cbor'))
    expect([unnamed.status, unnamed.stderr]).toEqual([4, expect.stringContaining('--log-key')])
  })

  it('does not fail to hold for want of the key of its log', async () => {
    const args = ['appraise', 'quote.cose', '--collateral', 'collateral.cbor', '--policy', 'policy.json', '--at', String(TEST_NOW)] // prettier-ignore
    const unnamed = await run(...args, '--key', 'issuer.pem', '--issuer', ISSUER, '-o', 'ear.bad')
    expect([unnamed.status, unnamed.stderr]).toEqual([4, expect.stringContaining('--log-key')])
    expect((await run(...args, '--log-key', await vkey())).status).toBe(0)
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
    const nameless = await run('register', 'quote.bin.cose', '--url', url, '--payload', 'quote.content') // prettier-ignore
    expect([nameless.status, nameless.stderr]).toEqual([1, expect.stringMatching(/content-missing.*not handed over.*--token-file/)]) // prettier-ignore
    const { ports, clock } = service().registry
    await ports.payloads!.store.put({
      ...{ name: { algorithm: 'SHA-256', digest: sha256(content) }, sha256: sha256(content) },
      ...{ bytes: content, storedAt: clock.time },
    })
    const { entryId: id } = await json('register', 'quote.bin.cose', '--url', url)
    const fetched = await run('appraise', id as string, ...log(), '--policy', 'policy.json', '--at', String(TEST_NOW)) // prettier-ignore
    expect(fetched.status, fetched.stderr).toBe(0)
    const appraised = await run('appraise', 'quote.bin.cose', '--policy', 'policy.json', '--payload', 'quote.content', '--at', String(TEST_NOW)) // prettier-ignore
    expect(appraised.status, appraised.stderr).toBe(0)
  })
})
