/**
 * Which reference values endorse an environment, and which attempts to borrow somebody's endorsement fail:
 * a part that all environments share, a field that its owner fills, a virtual TPM on a machine of one's own.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { REFERENCE_ATTRIBUTE } from '../../src/payload/tee/reference-values.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport } from '../support/amd-evidence.ts'
import { AttestedBuilds, type QuoteChanges } from '../support/attested-builds.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { hexOf, provenanceOf } from '../support/in-toto-samples.ts'
import type { SampleArtifact } from '../support/in-toto-samples.ts'
import { ISSUER } from '../support/test-registry.ts'
import {
  attestationKeys,
  makeHclReport,
  makeQuote,
  PCR_VALUES,
  runtimeJson,
  signQuote,
} from '../support/tpm-evidence.ts'

interface Described {
  readonly evidence: readonly {
    readonly entryId: string
    readonly references: readonly { readonly entryId: string }[]
  }[]
  readonly buildEnvironment: { readonly levels: readonly { readonly outcome: string }[] }
}
const IN_TOTO = 'application/vnd.in-toto+json'
const artifact = (name: string): SampleArtifact => ({
  name: `pkg:oci/${name}@1`,
  digest: { sha256: hexOf(name) },
})
const scai = (measurements: object): Uint8Array =>
  encodeUtf8(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'image', digest: { sha256: hexOf('image') } }],
      predicateType: 'https://in-toto.io/attestation/scai/v0.3',
      predicate: { attributes: [{ attribute: REFERENCE_ATTRIBUTE, conditions: { measurements } }] },
    }),
  )

/** Entries of the reference values of the only evidence of an artifact, and levels 2 and 3. */
async function about(url: string, name: string): Promise<[string[], string[]]> {
  const answer = await fetch(`${url}/artifacts/sha256:${hexOf(name)}`)
  const { statements } = (await answer.json()) as { readonly statements: readonly Described[] }
  const [{ evidence, buildEnvironment }] = statements as [Described]
  expect(evidence).toHaveLength(1)
  const outcomes = buildEnvironment.levels.slice(1).map(({ outcome }) => outcome)
  return [evidence[0]!.references.map(({ entryId }) => entryId), outcomes]
}

describe('reference values of a trust domain', () => {
  let builds: AttestedBuilds
  beforeAll(async () => {
    builds = await AttestedBuilds.create()
  })
  afterAll(() => builds.close())

  const hex = (digit: string): string => digit.repeat(96)
  async function built(
    name: string,
    domain: QuoteChanges['domain'],
    measurements: object,
  ): Promise<[reference: string, found: Awaited<ReturnType<typeof about>>]> {
    const payload = provenanceOf([artifact(name)], [], name)
    await builds.register({ payload })
    await builds.evidence({ type: 'payload', payload }, { domain: domain! })
    const reference = await builds.register({ payload: scai(measurements), subject: name })
    await builds.indexAll()
    return [reference, await about(builds.url, name)]
  }

  it('with the right module and another image are about another domain', async () => {
    const [, found] = await built('other', { mrTd: hex('1') }, { mrtd: hex('2'), mrseam: '5e'.repeat(48) }) // prettier-ignore
    expect(found).toEqual([[], ['unknown', 'unknown']])
  })

  it('with one of several right values are about this one', async () => {
    const [reference, found] = await built('right', { mrTd: hex('3') }, { mrtd: [hex('4'), hex('3')], mrseam: '5e'.repeat(48) }) // prettier-ignore
    expect(found).toEqual([[reference], ['pass', 'pass']])
  })

  it('do not count where the owner of the domain wrote them into its configuration', async () => {
    const [, found] = await built('chosen', { mrTd: hex('5'), mrConfigId: hex('6') }, { 'golden image': hex('6') }) // prettier-ignore
    expect(found).toEqual([[], ['unknown', 'unknown']])
    const [own, named] = await built('named', { mrTd: hex('5'), mrConfigId: hex('7') }, { mrconfigid: hex('7') }) // prettier-ignore
    expect(named).toEqual([[own], ['unknown', 'unknown']])
  })

  it('that endorse registers alone, or the module alone, endorse no image', async () => {
    const rtmrs = [hex('8'), hex('9')]
    const [registers, found] = await built('registers', { mrTd: hex('a'), rtmrs }, { rtmr0: rtmrs[0], rtmr1: rtmrs[1] }) // prettier-ignore
    expect(found).toEqual([[registers], ['unknown', 'unknown']])
    const more = await builds.register({ payload: scai({ mrtd: hex('a') }), subject: 'launch' })
    await builds.indexAll()
    expect(await about(builds.url, 'registers')).toEqual([
      [more, registers],
      ['pass', 'pass'],
    ])
    const module = await builds.register({ payload: scai({ mrseam: '5e'.repeat(48) }) })
    await builds.indexAll()
    const [entries, levels] = await about(builds.url, 'chosen')
    expect([entries, levels]).toEqual([[module], ['unknown', 'unknown']])
  })
})

describe('evidence by somebody else about a build', () => {
  it("does not push out that of the build's own issuer", async () => {
    const builds = await AttestedBuilds.create()
    try {
      const payload = provenanceOf([artifact('crowded')], [], 'crowded')
      await builds.register({ payload })
      const ids: string[] = []
      for (let i = 0; i < 6; i++) ids.push(await builds.evidence({ type: 'payload', payload }))
      const others: string[] = []
      for (let i = 0; i < 12; i++) {
        others.push(await builds.evidence({ type: 'payload', payload }, { debug: true }, { issuer: `${ISSUER}/other` })) // prettier-ignore
      }
      await builds.indexAll()
      const answer = await fetch(`${builds.url}/artifacts/sha256:${hexOf('crowded')}`)
      const { statements } = (await answer.json()) as { readonly statements: readonly Described[] }
      const shown = statements[0]!.evidence.map(({ entryId }) => entryId)
      expect(shown).toEqual([...others.slice(-5).reverse(), ...ids.slice(-5).reverse()])
    } finally {
      await builds.close()
    }
  })
})

describe('a virtual TPM on confidential hardware', () => {
  const amd = makeAmdPki()
  const vcek = makeSnpKey(amd)
  const ak = attestationKeys('RSA-2048')
  let registry: EvidenceRegistry
  beforeAll(async () => {
    registry = await EvidenceRegistry.create({ roots: { amd: amd.roots } })
  })
  afterAll(() => registry.close())

  /** Whoever starts a machine of their own writes the attestation key, and quotes what they like. */
  function vtpm(extraData: Uint8Array): Uint8Array {
    const json = runtimeJson(ak.key)
    const report = makeSnpReport(vcek, {
      reportData: concatBytes(sha256(json), new Uint8Array(32)),
    })
    const quote = makeQuote({ extraData })
    const tpm = {
      message: encodeHex(quote),
      signature: encodeHex(signQuote(quote, ak, 'rsassa')),
      pcrs: [...PCR_VALUES.values()].map(encodeHex),
    }
    const hcl = encodeHex(makeHclReport(report, json))
    return encodeUtf8(JSON.stringify({ tpm_quote: tpm, hcl_report: hcl }))
  }

  it('is as good as what was launched there: its registers alone endorse nothing', async () => {
    const payload = provenanceOf([artifact('vtpm')], [], 'vtpm')
    const certificates = [vcek, amd.ask, amd.ark].map(({ der }) => der)
    await registry.register(await registry.statement(payload, { contentType: IN_TOTO }))
    const container = await registry.evidence({
      ...{ format: 'azure-vtpm', evidence: vtpm(sha256(payload)) },
      collateral: encodeCollateral({ certificates }),
      binding: { type: 'payload', payload: sha256(payload) },
    })
    expect(await registry.register(container)).toMatch(/^[0-9a-f]{64}$/)
    const endorse = async (measurements: object): Promise<string> =>
      registry.register(await registry.statement(scai(measurements), { contentType: IN_TOTO }))
    const registers = await endorse({ pcr4: '05'.repeat(32), pcr7: '08'.repeat(32) })
    await registry.records()
    expect(await about(registry.url, 'vtpm')).toEqual([[registers], ['unknown', 'unknown']])
    const launch = await endorse({ measurement: '4d'.repeat(48) })
    await registry.records()
    expect(await about(registry.url, 'vtpm')).toEqual([
      [launch, registers],
      ['pass', 'pass'],
    ])
  })
})
