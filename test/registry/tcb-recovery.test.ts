/**
 * A TCB recovery (R28): twenty builds on platforms that were all up to date; then the vendor raises the
 * level, and everything is appraised again from the registered bytes with the newer collateral. Seven were
 * up to date and are out of date now. What the log said of the past stays as it was.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { EAR_MEDIA_TYPE, signEar } from '../../src/payload/tee/ear-result.ts'
import { parseTeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { reappraise } from '../../src/payload/tee/reappraise.ts'
import type { Reappraisal } from '../../src/payload/tee/reappraise.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { AttestedBuilds } from '../support/attested-builds.ts'
import { provenanceOf } from '../support/in-toto-samples.ts'
import { makeDcap, tcbLevel, testIntel } from '../support/intel-pki.ts'

const BUILDS = 20
const ADVISORY = 'INTEL-SA-09999'
/** Every third platform, seven of twenty, has the version that turns out to be flawed. */
const isFlawed = (build: number): boolean => build % 3 === 1
const FIXED = '05000300000000000000000000000000'
const pins = { intel: [encodeHex(sha256(testIntel.root.der))] }
const DAY = 86_400

const before = { tcbLevels: [tcbLevel('UpToDate', { tdx: [5, 0, 2] })] }
const newer = makeDcap({
  tee: 'tdx',
  tcbInfo: {
    tcbEvaluationDataNumber: 21,
    tcbLevels: [
      tcbLevel('UpToDate', { tdx: [5, 0, 3], tcbDate: '2026-05-01T00:00:00Z' }),
      tcbLevel('OutOfDate', { tdx: [5, 0, 2], advisoryIDs: [ADVISORY] }),
    ],
  },
}).collateral

let builds: AttestedBuilds
const evidenceIds: string[] = []
const results: Reappraisal[] = []

const artifactOf = (build: number): { name: string; digest: { sha256: string } } => ({
  name: `pkg:oci/app@${build}`,
  digest: { sha256: encodeHex(sha256(Uint8Array.of(build))) },
})

async function appraiseAgain(entryId: string): Promise<void> {
  const { log } = builds.service
  const { leafIndex } = (await log.findEntry(decodeHex(entryId)))!
  const statement = parseSignedStatement(await log.readEntry(leafIndex))
  const evidence = parseTeeEvidence(statement.message.payload!)
  const { registrationTime: at } = (await log.firstHeadCovering(leafIndex))!
  const later = builds.service.clock.time
  const result = await reappraise(
    {
      ...{ evidence, entryId, collateral: newer },
      registration: { at, pins, limits: {} },
      context: { at: later, pins, limits: {} },
    },
    nodeVerifier,
  )
  results.push(result)
  const [, , appraiser] = builds.agents
  const issuer = 'https://appraiser.example'
  const ear = { result, issuer, issuedAt: later, build: 'test', policyIds: [] }
  const payload = await signEar({ ...ear, signer: appraiser! })
  await builds.register({ payload, contentType: EAR_MEDIA_TYPE, subject: `entry ${entryId}` })
}

beforeAll(async () => {
  builds = await AttestedBuilds.create()
  for (let build = 1; build <= BUILDS; build++) {
    const payload = provenanceOf([artifactOf(build)], [], String(build))
    await builds.register({ payload })
    const teeTcbSvn = isFlawed(build) ? '050002' : '050003'
    const quote = { domain: { teeTcbSvn }, tcbInfo: before }
    evidenceIds.push(await builds.evidence({ type: 'payload', payload }, quote))
  }
  await builds.indexAll()
}, 60_000)
afterAll(() => builds.close())

async function get(path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(builds.url + path)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Record<string, unknown>
}
const count = async (query: string): Promise<number> =>
  ((await get(`/statements?limit=100&${query}`))['statements'] as unknown[]).length

const evidenceUpToDate = 'kind=tee-evidence&tcbStatus=UpToDate'
interface Shown {
  readonly tcbStatus: string
  readonly appraisals?: readonly { readonly tcbStatus: string }[]
}
async function evidenceOf(build: number): Promise<Shown> {
  const { statements } = await get(`/artifacts/sha256:${artifactOf(build).digest.sha256}`)
  return (statements as { evidence: Shown[] }[])[0]!.evidence[0]!
}

describe('a TCB recovery', () => {
  it('finds the builds on flawed platforms before anybody appraises again', async () => {
    expect(await count(evidenceUpToDate)).toBe(BUILDS)
    const page = await get(`/artifacts?tcbSvnBelow=tee-tcb-svn:${FIXED}&limit=50`)
    const digests = (page['builds'] as { artifacts: { digests: string[] } }[]).flatMap(
      ({ artifacts }) => artifacts.digests,
    )
    expect(digests).toHaveLength(7)
    expect(await get(`/artifacts?advisory=${ADVISORY}`)).toMatchObject({ builds: [] })
  })

  it('says of 7 of 20 that they were up to date and are out of date now', async () => {
    builds.service.clock.time += 10 * DAY
    for (const entryId of evidenceIds) await appraiseAgain(entryId)
    await builds.indexAll()
    const changed = results.filter(
      ({ changes }) =>
      changes.some(({ what, before: was, after: is }) => what === 'tcb-status' && was === 'UpToDate' && is === 'OutOfDate'), // prettier-ignore
    )
    expect(changed).toHaveLength(7)
    expect(await count('kind=tee-result&attribute=tcb-change:UpToDate:OutOfDate')).toBe(7)
    expect(await count('kind=tee-result&tcbStatus=UpToDate')).toBe(13)
    expect(await count(`kind=tee-result&attribute=target-entry:${evidenceIds[0]!}`)).toBe(1)
  })

  it('leaves the answer about the past as it was, and shows the later one beside it', async () => {
    expect(await count(evidenceUpToDate)).toBe(BUILDS)
    const shown = await Promise.all(Array.from({ length: BUILDS }, (_, at) => evidenceOf(at + 1)))
    expect(shown.every(({ tcbStatus }) => tcbStatus === 'UpToDate')).toBe(true)
    const now = shown.map(({ appraisals }) => appraisals?.map(({ tcbStatus }) => tcbStatus).join())
    expect(now.filter((status) => status === 'OutOfDate')).toHaveLength(7)
    expect(now.filter((status) => status === 'UpToDate')).toHaveLength(13)
    // Another status at another time contradicts nothing.
    expect(JSON.stringify(await get(`/statements/${evidenceIds[0]!}`))).not.toContain('contradict')
  })
})
