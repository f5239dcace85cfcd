/**
 * Provenance and the evidence of where it was built, through the whole registry with a synthetic Intel:
 * what joins and what must not, the time bracket, reference values, verdicts that disagree, and the
 * question of an incident: what was built on platforms with this advisory, or below this version?
 */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { EVIDENCE_PARAMETERS } from '../../src/http/built-artifacts.ts'
import { REFERENCE_ATTRIBUTE } from '../../src/payload/tee/reference-values.ts'
import { AttestedBuilds } from '../support/attested-builds.ts'
import { hexOf, provenanceOf } from '../support/in-toto-samples.ts'
import type { SampleArtifact } from '../support/in-toto-samples.ts'
import { tcbLevel } from '../support/intel-pki.ts'

type Json = Record<string, unknown>
interface Evidence extends Json {
  readonly index: number
  readonly entryId: string
  readonly binding: string
  readonly findings: readonly string[]
  readonly bracket: { readonly after?: Json; readonly before: Json }
  readonly references: readonly (Json & { readonly measurements: readonly string[] })[]
  readonly contradictions?: readonly Json[]
}
interface Build {
  readonly artifacts: { readonly total: number; readonly digests: readonly string[] }
  readonly provenance: Json & { readonly entryId: string; readonly index: number }
  readonly evidence: Evidence
}
interface BuiltPage {
  readonly treeSize: number
  readonly builds: readonly Build[]
  readonly next?: string
}

const artifact = (name: string): SampleArtifact => ({
  name: `pkg:oci/${name}@1`,
  digest: { sha256: hexOf(name) },
})
const OLD = {
  domain: { teeTcbSvn: '040102' },
  tcbInfo: { tcbLevels: [tcbLevel('UpToDate', { tdx: [5, 0, 3] }), tcbLevel('OutOfDate', { tdx: [4, 0, 2], advisoryIDs: ['INTEL-SA-00001'] })] }, // prettier-ignore
}

let builds: AttestedBuilds
let url: string
const ids: Record<string, string> = {}

beforeAll(async () => {
  builds = await AttestedBuilds.create()
  url = builds.url
  const [, second, third] = builds.agents as [never, never, never]
  const payload = provenanceOf([artifact('bytes')], [], 'bytes')
  ids['bytes'] = await builds.register({ payload })
  ids['bytesQuote'] = await builds.evidence({ type: 'payload', payload }, {}, { checkpoint: true })
  // Signed by the first agent as well, and bound to neither its key nor to these bytes.
  ids['unbound'] = await builds.provenance(artifact('unbound'), 'unbound')
  await builds.evidence({ type: 'none' }, { domain: { mrTd: 'ee'.repeat(48) } })
  ids['keyQuote'] = await builds.evidence({ type: 'key', agent: second }, OLD, { by: second })
  ids['key1'] = await builds.provenance(artifact('key one'), '1', second)
  ids['key2'] = await builds.provenance(artifact('key two'), '2', second)
  // The third agent signs, and says that the second agent's key did.
  ids['forged'] = await builds.register({
    payload: provenanceOf([artifact('forged')], [], '3'),
    signer: pretend(third, second),
  })
  ids['buildQuote'] = await builds.evidence(
    { type: 'build', agent: third, buildId: 'https://ci.example/runs/77' },
    { debug: true },
    { by: third },
  )
  ids['build'] = await builds.provenance(artifact('build'), '77', third)
  ids['other build'] = await builds.provenance(artifact('other build'), '78', third)
  await builds.indexAll()
})
afterAll(() => builds.close())

/** Signs with one key under the key id of another. */
function pretend<Signer extends { publicKey: object }>(signer: Signer, other: Signer): Signer {
  const kid = keyThumbprint(other.publicKey as never)
  return { ...signer, publicKey: { ...signer.publicKey, kid } }
}

const ajv = new Ajv2020({ strict: false })
ajv.addSchema(
  parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8')) as object,
  'openapi.yaml',
)
/** Schema of an answer by the path that it was asked under. */
const SCHEMAS: readonly (readonly [RegExp, string])[] = [
  [/^\/artifacts\?/, 'BuiltPage'],
  [/^\/artifacts\//, 'ArtifactPage'],
  [/^\/statements\/[0-9a-f]/, 'StatementView'],
]

/** An answer; what is answered 200 is held against openapi.yaml. */
async function get(path: string): Promise<{ status: number; body: Json }> {
  const answer = await fetch(url + path)
  const body = (await answer.json()) as Json
  const name = SCHEMAS.find(([pattern]) => pattern.test(path))?.[1]
  if (answer.status === 200 && name !== undefined) {
    const validate = ajv.compile({ $ref: `openapi.yaml#/components/schemas/${name}` })
    expect(validate(body), ajv.errorsText(validate.errors)).toBe(true)
  }
  return { status: answer.status, body }
}

/** Evidence of the one provenance of an artifact. */
async function evidenceOf(name: string): Promise<readonly Evidence[]> {
  const { status, body } = await get(`/artifacts/sha256:${hexOf(name)}`)
  expect(status).toBe(200)
  const [statement] = body['statements'] as { evidence: readonly Evidence[] }[]
  return statement!.evidence
}

async function built(query: string): Promise<BuiltPage> {
  const { status, body } = await get(`/artifacts?${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body as unknown as BuiltPage
}

async function provenances(query: string): Promise<string[]> {
  const { builds: rows } = await built(query)
  const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]))
  return rows.map(({ provenance }) => names.get(provenance.entryId)!)
}

describe('GET /artifacts/{digest}', () => {
  it('shows evidence that is bound to the bytes of the provenance, with its bracket', async () => {
    const [evidence, ...others] = await evidenceOf('bytes')
    expect(others).toEqual([])
    expect(evidence).toMatchObject({
      ...{ entryId: ids['bytesQuote'], kind: 'tee-evidence', binding: 'payload' },
      ...{ teeType: 'tdx', debug: false, tcbStatus: 'UpToDate', references: [] },
    })
    const { after, before } = evidence!.bracket
    // The checkpoint was that of the provenance, the evidence came right behind it.
    expect(after).toMatchObject({ treeSize: 4 })
    expect(before).toMatchObject({ treeSize: 5 })
    expect(after!['registeredAt']).toBe(before['registeredAt'])
    expect(evidence!.contradictions).toBeUndefined()
  })

  it('shows evidence of the key that signed, for everything that it signed', async () => {
    for (const name of ['key one', 'key two']) {
      expect(await evidenceOf(name)).toMatchObject([
        {
          ...{ entryId: ids['keyQuote'], binding: 'key', tcbStatus: 'OutOfDate' },
          ...{ advisories: ['INTEL-SA-00001'], findings: ['tcb-not-up-to-date'] },
        },
      ])
    }
  })

  it('tells evidence of this build from that of another build by the same key', async () => {
    const ofBuild = { entryId: ids['buildQuote'], debug: true }
    expect(await evidenceOf('build')).toMatchObject([{ ...ofBuild, binding: 'build' }])
    expect(await evidenceOf('other build')).toMatchObject([{ ...ofBuild, binding: 'key' }])
  })

  it('joins nothing to a provenance of no bound key, nor to one that only names the key', async () => {
    expect(await evidenceOf('unbound')).toEqual([])
    expect(await evidenceOf('forged')).toEqual([])
  })

  it('joins what is read from a statement that others sign about a bound payload', async () => {
    const payload = provenanceOf([artifact('bytes')], [], 'bytes')
    // Another agent registers the same bytes: the evidence is about them, whoever signs.
    await builds.register({ payload, subject: 'again', signer: builds.agents[1]! })
    await builds.indexAll()
    const { body } = await get(`/artifacts/sha256:${hexOf('bytes')}`)
    const statements = body['statements'] as { evidence: readonly Evidence[] }[]
    const joined = statements.map(({ evidence }) => evidence.map(({ binding }) => binding))
    expect(joined).toEqual([['key', 'payload'], ['payload']])
  })
})

describe('GET /artifacts', () => {
  it('lists what was built on platforms with an advisory, or below a version', async () => {
    for (const query of [
      'advisory=INTEL-SA-00001',
      'tcbSvnBelow=tee-tcb-svn:05010300000000000000000000000000',
      'tcbStatus=OutOfDate&teeType=tdx',
    ]) {
      expect(await provenances(query), query).toEqual(expect.arrayContaining(['key2', 'key1']))
      expect(await provenances(query), query).not.toContain('forged')
      expect(await provenances(query), query).not.toContain('bytes')
    }
    const [row] = (await built('advisory=INTEL-SA-00001')).builds.filter(
      ({ provenance }) => provenance.entryId === ids['key1'],
    )
    expect(row).toMatchObject({
      artifacts: { total: 1, digests: [`sha256:${hexOf('key one')}`] },
      provenance: { kind: 'provenance', entryId: ids['key1'] },
      evidence: { entryId: ids['keyQuote'], binding: 'key' },
    })
  })

  it.each([
    ['debug=true', ['other build', 'build']],
    ['binding=build', ['other build', 'build']],
    [`measurement=${'ee'.repeat(48)}`, []],
    ['advisory=INTEL-SA-99999', []],
    ['tcbSvnBelow=tee-tcb-svn:04010200000000000000000000000000', []],
  ])('answers %s', async (query, expected) => {
    expect(await provenances(query)).toEqual(expected)
  })

  it('pages, also within one piece of evidence, and all pages are one answer', async () => {
    const query = `measurement=${'dd'.repeat(48)}`
    const pairOf = ({ provenance, evidence }: Build): string =>
      `${evidence.index} ${provenance.index} ${evidence.binding}`
    const whole = (await built(query)).builds.map(pairOf)
    expect(whole.length).toBeGreaterThan(5)
    for (const limit of [1, 2, 3, 4]) {
      const seen: string[] = []
      let cursor = ''
      for (let pages = 0; ; pages++) {
        expect(pages).toBeLessThan(40)
        const page = await built(`${query}&limit=${limit}${cursor}`)
        expect(page.builds.length).toBeLessThanOrEqual(limit)
        seen.push(...page.builds.map(pairOf))
        if (page.next === undefined) break
        cursor = `&cursor=${page.next}`
      }
      expect(seen).toEqual(whole)
    }
  })

  it('is what a linear scan finds', async () => {
    const { treeSize } = await builds.index.readState()
    const all = Array.from({ length: treeSize }, (_, at) => at as never)
    const { records } = await builds.index.findRecords(all)
    const values = ({ description }: (typeof records)[number], wanted: string): string[] =>
      description.attributes.filter(({ name }) => name === wanted).map(({ value }) => value)
    const pairs = records.flatMap((evidence) =>
      records
        .filter(({ description, entryId }) => {
          const isForged = encodeHex(entryId) === ids['forged']
          return description.kind === 'provenance' && !isForged
        })
        .filter((provenance) => {
          const [payload] = values(provenance, 'payload-sha256')
          const isBytes = values(evidence, 'binding').includes(`payload:sha256:${payload!}`)
          return isBytes || values(evidence, 'bound-key').includes(provenance.signer!)
        })
        .map(({ leafIndex }) => `${evidence.leafIndex} ${leafIndex}`),
    )
    expect(pairs.length).toBeGreaterThan(5)
    const { builds: rows } = await built('teeType=tdx&limit=250')
    const found = rows.map(({ evidence, provenance }) => `${evidence.index} ${provenance.index}`)
    expect([...found].sort()).toEqual([...pairs].sort())
  })

  it.each([
    ['', 'advisory'],
    ['limit=5', 'advisory'],
    ['issuer=a', 'issuer'],
    ['advisory=a&limit=251', 'limit'],
    ['advisory=a&cursor=AAAA', 'cursor'],
  ])('refuses "%s"', async (query, named) => {
    const { status, body } = await get(`/artifacts?${query}`)
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toContain(named)
  })

  it('takes a cursor of its own query only', async () => {
    const { next } = await built('teeType=tdx&limit=1')
    expect(next).toBeDefined()
    expect((await get(`/artifacts?teeType=sgx&cursor=${next!}`)).status).toBe(400)
    expect((await get(`/statements?teeType=tdx&cursor=${next!}`)).status).toBe(400)
  })

  it('knows filters that GET /statements knows', () => {
    expect(EVIDENCE_PARAMETERS).toContain('tcbDateFrom')
    expect(EVIDENCE_PARAMETERS).not.toContain('scoreMin')
  })
})

describe('reference values and verdicts', () => {
  const scai = (measurements: object): Uint8Array =>
    encodeUtf8(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: 'image', digest: { sha256: hexOf('image') } }],
        predicateType: 'https://in-toto.io/attestation/scai/v0.3',
        predicate: {
          attributes: [{ attribute: REFERENCE_ATTRIBUTE, conditions: { measurements } }],
        },
      }),
    )

  it('shows reference values that name what was measured, and no others', async () => {
    const right = await builds.register({ payload: scai({ mrtd: 'DD'.repeat(48), rtmr0: ['aa'.repeat(48), 'a0'.repeat(48)] }) }) // prettier-ignore
    const renamed = await builds.register({ payload: scai({ 'guest image': 'dd'.repeat(48) }) })
    // The right value under the name of another register is another claim.
    const swapped = await builds.register({ payload: scai({ rtmr1: 'dd'.repeat(48) }) })
    await builds.indexAll()
    const [evidence] = (await evidenceOf('key one')).slice(-1)
    const shown = new Map(
      evidence!.references.map((one) => [one['entryId'], [...one.measurements].sort()]),
    )
    expect(shown.get(right)).toEqual([`mrtd:${'dd'.repeat(48)}`, `rtmr0:${'a0'.repeat(48)}`])
    expect(shown.get(renamed)).toEqual([`mrtd:${'dd'.repeat(48)}`])
    expect(shown.has(swapped)).toBe(false)
    const { body } = await get(`/statements/${right}`)
    expect(body).toMatchObject({ kind: 'reference-values' })
  })

  it('lists a verdict that contradicts verified evidence, on both sides', async () => {
    const { body } = await get(`/statements/${ids['buildQuote']!}`)
    const reportData = (body['attributes'] as { name: string; value: string }[]).find(
      ({ name }) => name === 'report-data',
    )!.value
    const verdict = (changes: object): Promise<string> =>
      builds.register({
        contentType: 'application/eat+jwt',
        payload: unsignedJwt({
          iss: 'https://portal.trustauthority.intel.com',
          ...{ attester_type: 'TDX', tdx_mrtd: 'dd'.repeat(48), tdx_report_data: reportData },
          ...{ attester_tcb_status: 'UpToDate', tdx_is_debuggable: true, ...changes },
        }),
      })
    const agreeing = await verdict({})
    const denying = await verdict({ tdx_is_debuggable: false, attester_tcb_status: 'OutOfDate' })
    // About another image with the same report data: another start, no contradiction.
    const other = await verdict({ tdx_is_debuggable: false, tdx_mrtd: 'cc'.repeat(48) })
    await builds.indexAll()

    const [evidence] = await evidenceOf('build')
    expect(evidence!.findings).toContain('verdict-contradicts-evidence')
    expect(evidence!.contradictions).toMatchObject([
      { entryId: denying, kind: 'tee-result', about: ['debug', 'tcb-status'] },
    ])
    const seen = async (entryId: string): Promise<unknown> =>
      (await get(`/statements/${entryId}`)).body['contradictions']
    expect(await seen(denying)).toMatchObject([{ entryId: ids['buildQuote'], about: ['debug', 'tcb-status'] }]) // prettier-ignore
    expect(await seen(ids['buildQuote']!)).toMatchObject([{ entryId: denying }])
    expect(await seen(agreeing)).toBeUndefined()
    expect(await seen(other)).toBeUndefined()
    const view = await get(`/statements/${denying}`)
    expect(JSON.stringify(view.body['findings'])).toContain('verdict-contradicts-evidence')
  })

  it('takes no evidence for the environment of a key that nothing is bound to', async () => {
    const key = encodeHex(keyThumbprint(builds.agents[0]!.publicKey))
    expect(await provenances(`boundKey=${key}`)).toEqual([])
  })
})

/** A token whose signature nobody here looks at: the statement around it is whose word it is. */
function unsignedJwt(claims: object): Uint8Array {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return encodeUtf8(`${part({ alg: 'ES256', typ: 'JWT' })}.${part({ iat: 1, ...claims })}.AAAA`)
}
