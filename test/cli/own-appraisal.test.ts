/** The registry's own appraisal on the command line, as docs/tee.md says: fetched, read, registered, verified. */
import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { TRUST_ANCHORS_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { makeDcap } from '../support/intel-pki.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { LOG_ISSUER } from '../support/test-registry.ts'
import { as, evidenceFolder, evidenceService, PLAIN } from './evidence-service.ts'

const folder = evidenceFolder()
const { at, run, ok, json } = folder
const service = evidenceService(folder, TEST_NOW)
const synthetic = makeDcap({ tee: 'tdx' })

/** The registrar key as the policy that the appraisal names has it. */
async function registrarKey(url: string): Promise<string> {
  const [, id] = /under the policy +([0-9a-f]{64})/.exec(await ok('inspect', 'appraisal.cose'))!
  const response = await fetch(`${url}/entries/${id}/statement`)
  writeFileSync(at('policy.cose'), new Uint8Array(await response.arrayBuffer()))
  await ok('verify', 'policy.cose', '--trust', 'trust.json', '--receipt-only')
  const shown = await json<{ registrarKeys: string[] }>('policy', 'show', 'policy.cose')
  expect(shown.registrarKeys).toHaveLength(1)
  return shown.registrarKeys[0]!
}

describe("a registry's own appraisal", () => {
  let entryId: string
  let url: string
  beforeAll(async () => {
    ;({ url } = service())
    await service().setPolicy({ ...PLAIN, roots: { intel: synthetic.roots } })
    await service().pin()
    writeFileSync(at('quote.bin'), synthetic.quote)
    writeFileSync(at('pcs.cbor'), encodeCollateral(synthetic.collateral))
    await json('attest', 'tdx', 'quote.bin', '--policy', 'policy.json', '--at', String(TEST_NOW), '--collateral', 'pcs.cbor', ...as('urn:run'), '-o', 'evidence.cose') // prettier-ignore
    ;({ entryId } = await json<{ entryId: string }>('register', 'evidence.cose', '--url', url))
    const response = await fetch(`${url}/entries/${entryId}/appraisal`)
    writeFileSync(at('appraisal.cose'), new Uint8Array(await response.arrayBuffer()))
  })

  it('is read by inspect', async () => {
    const text = await ok('inspect', 'appraisal.cose')
    expect(text).toMatch(/status +affirming/)
    expect(text).toMatch(/appraised at the registration +2026-/)
    expect(text).toMatch(/finding evidence-not-bound/)
  })

  it('is registered where its registrar is believed, and verified by whoever anchors its key', async () => {
    const { registry } = service()
    const refused = await run('register', 'appraisal.cose', '--url', url)
    expect(refused.stderr).toContain('no trust anchor speaks for this issuer')
    const anchor = { kind: 'cose-key', coseKey: await registrarKey(url), issuers: [LOG_ISSUER] }
    writeFileSync(at('registrar.json'), JSON.stringify(anchor))
    const payload = new TextEncoder().encode(JSON.stringify({ version: 1, anchors: [anchor] }))
    await registry.registry.register(
      await signStatement({
        ...{ payload, contentType: TRUST_ANCHORS_MEDIA_TYPE, signer: registry.operator },
        ...{ issuer: LOG_ISSUER, subject: 'urn:attestry:trust-anchors' },
      }),
    )
    await json('register', 'appraisal.cose', '--url', url, '-o', 'appraisal.transparent.cose')
    const verify = ['verify', 'appraisal.transparent.cose', '--trust', 'trust.json']
    expect((await run(...verify)).status).toBe(3)
    await json('trust', 'add', 'trust.json', '--issuer', 'registrar.json')
    expect(await json(...verify)).toMatchObject({ outcome: 'verified' })
    const broken = readFileSync(at('appraisal.transparent.cose'))
    broken[broken.length - 1]! ^= 1
    writeFileSync(at('broken.cose'), broken)
    expect((await run('verify', 'broken.cose', '--trust', 'trust.json')).status).toBe(1)
  })
})
