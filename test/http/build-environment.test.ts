/** The level of the build environment in the answer about an artifact, and how much one answer holds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { REFERENCE_ATTRIBUTE } from '../../src/payload/tee/reference-values.ts'
import { AttestedBuilds } from '../support/attested-builds.ts'
import { hexOf, provenanceOf } from '../support/in-toto-samples.ts'
import type { SampleArtifact } from '../support/in-toto-samples.ts'

let builds: AttestedBuilds
beforeAll(async () => {
  builds = await AttestedBuilds.create()
})
afterAll(() => builds.close())

const artifact = (name: string): SampleArtifact => ({
  name: `pkg:oci/${name}@1`,
  digest: { sha256: hexOf(name) },
})

interface Page {
  readonly statements: readonly {
    readonly index: number
    readonly evidence?: readonly unknown[]
    readonly buildEnvironment?: unknown
  }[]
  readonly next?: string
}
async function about(name: string, query = ''): Promise<Page> {
  const answer = await fetch(`${builds.url}/artifacts/sha256:${hexOf(name)}${query}`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Page
}

describe('the level of the build environment', () => {
  const image = 'ab'.repeat(32)
  const provenance = encodeUtf8(
    JSON.stringify({
      ...{ _type: 'https://in-toto.io/Statement/v1', subject: [artifact('levelled')] },
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: 'https://ci.example/type/1',
          externalParameters: { builderImage: { uri: 'oci://image', digest: { sha256: image } } },
        },
        runDetails: { builder: { id: 'https://ci.example/builder/1' } },
      },
    }),
  )
  const levelOf = async (): Promise<unknown> => {
    await builds.indexAll()
    return (await about('levelled')).statements[0]!.buildEnvironment
  }

  it('rises with each statement that is registered', async () => {
    await builds.register({ payload: provenance, subject: 'levelled' })
    expect(await levelOf()).toMatchObject({
      level: 0,
      levels: [{ gaps: ['image-statement'] }, { gaps: ['bound-evidence'] }, {}],
    })
    await builds.register({
      payload: provenanceOf([{ name: 'image', digest: { sha256: image } }], [], 'image'),
    })
    expect(await levelOf()).toMatchObject({ level: 1 })
    await builds.evidence(
      { type: 'payload', payload: provenance },
      { domain: { mrTd: '77'.repeat(48), rtmrs: ['78'.repeat(48)] } },
    )
    expect(await levelOf()).toMatchObject({ level: 1, levels: [{}, { gaps: ['reference-values'] }, {}] }) // prettier-ignore
    const attributes = [{ attribute: REFERENCE_ATTRIBUTE, conditions: { measurements: { mrtd: '77'.repeat(48) } } }] // prettier-ignore
    await builds.register({
      payload: encodeUtf8(
        JSON.stringify({
          ...{ _type: 'https://in-toto.io/Statement/v1', predicate: { attributes } },
          subject: [{ name: 'image', digest: { sha256: image } }],
          predicateType: 'https://in-toto.io/attestation/scai/v0.3',
        }),
      ),
    })
    expect(await levelOf()).toMatchObject({ draft: 'buildenv-draft-2026-07', level: 3 })
  })
})

describe('a page about an artifact', () => {
  it('ends early when it has shown much evidence, and goes on', async () => {
    for (let run = 0; run < 45; run++) {
      const payload = provenanceOf([artifact('often')], [], `often ${run}`)
      await builds.register({ payload })
      await builds.evidence({ type: 'payload', payload })
    }
    await builds.indexAll()
    const first = await about('often', '?limit=250')
    expect(first.statements).toHaveLength(40)
    expect(first.next).toBeDefined()
    const second = await about('often', `?limit=250&cursor=${first.next!}`)
    expect(second.statements).toHaveLength(5)
    expect(second.next).toBeUndefined()
    const all = [...first.statements, ...second.statements]
    expect(all.every(({ evidence }) => evidence?.length === 1)).toBe(true)
    expect(new Set(all.map(({ index }) => index)).size).toBe(45)
  }, 30_000)
})
