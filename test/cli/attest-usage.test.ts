/** The commands about evidence on their own: what they read, and which command lines they refuse. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { encodeCollateral, parseCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { encodePem } from '../../src/x509/pem.ts'
import { makeDcap } from '../support/intel-pki.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { attestry } from './attestry.ts'
import { as, evidenceFolder, PLAIN } from './evidence-service.ts'

const folder = evidenceFolder()
const { cwd, at, run, json, write } = folder
const synthetic = makeDcap({ tee: 'tdx' })

describe('the commands', () => {
  beforeAll(() => {
    write('plain.json', PLAIN)
    writeFileSync(at('silent.json'), '{"version":1}')
    mkdirSync(at('tsm'))
    writeFileSync(at('tsm/provider'), 'tdx_guest\n')
    writeFileSync(at('tsm/outblob'), synthetic.quote)
    writeFileSync(at('tsm/auxblob'), '')
    writeFileSync(at('cut.bin'), synthetic.quote.slice(0, 700))
  })

  it('take a directory of configfs-tsm, and a pipe', async () => {
    write('synthetic.json', { ...PLAIN, roots: { intel: synthetic.roots } })
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

  it('make the bundle that is registered once for many, of files as a service serves them', async () => {
    const { collateral } = synthetic
    mkdirSync(at('pcs'))
    for (const part of [
      'intel-tcb-info',
      'intel-qe-identity',
      'intel-root-crl',
      'intel-pck-crl',
    ] as const)
      writeFileSync(at(`pcs/${part}`), collateral[part]!)
    const pem = collateral['intel-tcb-info-chain']!.map((der) => encodePem('CERTIFICATE', der))
    writeFileSync(at('pcs/chain'), pem.join(''))
    const made = await json<{ parts: string[] }>('attest', 'collateral', 'pcs', '-o', 'pcs.cbor')
    const bytes = readFileSync(at('pcs.cbor'))
    const sha = encodeHex(sha256(bytes))
    expect(made).toMatchObject({ output: 'pcs.cbor', bytes: bytes.length, sha256: sha })
    expect(made.parts.sort()).toEqual(Object.keys(parseCollateral(bytes)).sort())
    write('synthetic.json', { ...PLAIN, roots: { intel: synthetic.roots } })
    const args = ['--policy', 'synthetic.json', '--at', String(TEST_NOW), ...as('x'), '-o', 'y']
    await json('attest', 'tdx', 'tsm', '--collateral', 'pcs.cbor', ...args)
    const shown = await run('attest', 'collateral', 'pcs', '-o', '-')
    expect([shown.status, Buffer.from(shown.stdoutBytes).equals(bytes)]).toEqual([0, true])
    expect((await run('attest', 'collateral', 'pcs', '-o', 'z')).stdout).toMatch(
      /intel-tcb-info +2026/,
    )
  })

  it.each<[string, readonly string[], string]>([
    [
      'a directory with something else in it',
      ['attest', 'collateral', 'tsm', '-o', 'z'],
      'auxblob',
    ],
    ['a binding without its type', ['attest', 'tdx', 'x', '--payload', 'y'], '--bind'],
    ['a payload without a file', ['attest', 'nonce', 'payload'], '--payload FILE'],
    ['a build without a key', ['attest', 'nonce', 'build', '--build-id', 'x', '--checkpoint', 'plain.json'], '--bound-key'], // prettier-ignore
    ['a build without a checkpoint', ['attest', 'nonce', 'build', '--build-id', 'x'], '--checkpoint'], // prettier-ignore
    ['a checkpoint that is none', ['attest', 'nonce', 'checkpoint', '--checkpoint', 'plain.json'], 'plain.json is no checkpoint: note has no'], // prettier-ignore
    ['a checkpoint that is none, to attest', ['attest', 'tdx', 'tsm/outblob', '--bind', 'checkpoint', '--checkpoint', 'plain.json'], 'plain.json is no checkpoint: note has no'], // prettier-ignore
    ['an option that takes no part', ['attest', 'nonce', 'key', '--build-id', 'x'], 'says nothing'],
    ['another type', ['attest', 'nonce', 'colour'], 'colour'],
    ['a log that nothing pins', ['attest', 'tdx', 'x', '--url', 'http://127.0.0.1:1'], '--trust'],
    ['a log that nothing pins, for a nonce', ['attest', 'nonce', 'checkpoint', '--url', 'http://127.0.0.1:1', '--checkpoint-out', 'n'], '--trust TRUST belong together'], // prettier-ignore
    ['a log that nothing pins, to appraise', ['appraise', 'plain.json', '--url', 'http://127.0.0.1:1'], '--trust'], // prettier-ignore
    ['a result that nobody signs', ['appraise', 'plain.json', '--register'], '--key'],
    ['a result that goes nowhere', ['appraise', 'plain.json', '--key', 'issuer.pem', '--issuer', 'x'], '--register'], // prettier-ignore
    ['an entry without a log', ['appraise', 'ab'.repeat(32)], '--url'],
    ['half an entry id', ['appraise', '05d395aa…'], '64 hex digits'],
    ['builds of any environment', ['query', 'builds', '--url', 'http://127.0.0.1:1'], 'one filter'],
    ['a file that is no evidence', ['appraise', 'plain.json'], 'holds no evidence'],
    ['a file that is no evidence, to attest', ['attest', 'tdx', 'plain.json'], 'no evidence that is known here'], // prettier-ignore
    ['a quote that is cut short', ['appraise', 'cut.bin'], 'cut.bin holds a quote that is cut short: the quote ends early'], // prettier-ignore
    ['a quote that is cut short, to attest', ['attest', 'tdx', 'cut.bin'], 'a quote cut short: the quote ends early'], // prettier-ignore
    ['evidence of another kind', ['attest', 'snp', 'tsm/outblob'], 'it is an Intel TDX quote'],
    ['a file that is not there', ['appraise', 'nothing'], 'no such file'],
    ['a file that is not there, to attest', ['attest', 'tdx', 'nothing'], 'no such file'],
    ['a file that is not there, to bind', ['attest', 'nonce', 'payload', '--payload', 'nothing'], 'no such file'], // prettier-ignore
    ['a collateral that is none, to attest', ['attest', 'tdx', 'tsm/outblob', '--collateral', 'plain.json'], 'plain.json'], // prettier-ignore
    ['a policy that is silent about it', ['appraise', 'tsm/outblob', '--policy', 'silent.json'], 'teeEvidence'], // prettier-ignore
    ['a collateral that is none', ['appraise', 'tsm/outblob', '--collateral', 'plain.json'], 'plain.json'], // prettier-ignore
  ])('refuse %s', async (_name, args, text) => {
    const isKind = ['tdx', 'snp'].includes(args[1]!)
    const { status, stderr } = await run(...args, ...(isKind ? [...as('x'), '-o', 'y'] : []))
    expect([status, stderr]).toEqual([4, expect.stringContaining(text)])
  })
})
