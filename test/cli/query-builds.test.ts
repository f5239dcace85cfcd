/** `attestry query builds` and the evidence that `attestry query artifact` shows, as child processes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeTrustPolicy } from '../../src/verify/trust-policy.ts'
import { AttestedBuilds } from '../support/attested-builds.ts'
import { hexOf } from '../support/in-toto-samples.ts'
import { tcbLevel } from '../support/intel-pki.ts'
import { ISSUER, LOG_ISSUER, LOG_ORIGIN } from '../support/test-registry.ts'
import { hosted, temporaryFolder } from './attestry.ts'
import type { CliResult } from './attestry.ts'

const folder = temporaryFolder()
const cwd = folder.path
const APP = hexOf('the app')
let builds: AttestedBuilds

const query = (...args: string[]): Promise<CliResult> =>
  hosted(['query', ...args, '--url', builds.url], { cwd })
const verified = ['--verify', '--trust', 'trust.json']

beforeAll(async () => {
  builds = await AttestedBuilds.create()
  const [agent] = builds.agents
  const old = {
    domain: { teeTcbSvn: '040002' },
    tcbInfo: { tcbLevels: [tcbLevel('OutOfDate', { tdx: [4], advisoryIDs: ['INTEL-SA-1'] })] },
    debug: true,
  }
  await builds.evidence({ type: 'key', agent: agent! }, old, { checkpoint: true })
  await builds.provenance({ name: 'pkg:oci/app@1', digest: { sha256: APP } }, '1')
  await builds.indexAll()
  const { serviceSigner } = builds.service
  const keys = [{ ...serviceSigner.publicKey, algorithm: serviceSigner.algorithm }]
  const log = { issuer: LOG_ISSUER, origin: LOG_ORIGIN, keys, profile: 'attestry', leafRule: 'entry' } as const // prettier-ignore
  const anchor = { kind: 'cose-key' as const, key: agent!.publicKey, issuers: [`${ISSUER}*`] }
  writeFileSync(
    join(cwd, 'trust.json'),
    encodeTrustPolicy({ version: 1, logs: [log], issuers: [anchor] }),
  )
})
afterAll(async () => {
  await builds.close()
  folder.remove()
})

describe('attestry query builds', () => {
  it('shows artifact, evidence and what is wrong with the platform, one build a line', async () => {
    const { stdout, status } = await query('builds', '--advisory', 'INTEL-SA-1')
    expect(status).toBe(0)
    const [titles, row, last] = stdout.trimEnd().split('\n')
    expect(titles).toMatch(/^INDEX +REGISTERED +KIND +ARTIFACT +EVIDENCE +ISSUER +SUBJECT +ENTRY ID$/) // prettier-ignore
    expect(row).toContain(`sha256:${APP}`)
    expect(row).toContain('tdx of entry 3, OutOfDate, DEBUG, INTEL-SA-1, by key')
    expect(last).toBe('1 build in a tree of 5')
  })

  it('gives programs everything, verified row by row', async () => {
    const below = 'tee-tcb-svn:05000200000000000000000000000000'
    const { stdout, status } = await query(
      'builds',
      '--tcb-svn-below',
      below,
      '--json',
      ...verified,
    )
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ treeSize: 5, more: false },
      builds: [
        {
          artifacts: { total: 1, digests: [`sha256:${APP}`] },
          provenance: { index: 4, kind: 'provenance' },
          evidence: { index: 3, binding: 'key', bracket: { after: { treeSize: 3 } } },
          ...{ check: { status: 'verified' }, evidenceCheck: { status: 'verified' } },
        },
      ],
    })
  })

  it('finds nothing, and asks for a filter', async () => {
    expect((await query('builds', '--advisory', 'INTEL-SA-2')).stdout).toBe(
      'no builds in a tree of 5\n',
    )
    const none = await query('builds')
    expect([none.status, none.stderr]).toEqual([4, expect.stringContaining('--advisory')])
  })
})

describe('attestry query artifact', () => {
  it('says below its table where the artifact was built', async () => {
    const { stdout, status } = await query('artifact', `sha256:${APP}`)
    expect(status).toBe(0)
    expect(stdout).toContain('where entry 4 was built')
    expect(stdout).toContain('  tdx of entry 3, OutOfDate, DEBUG, INTEL-SA-1, by key')
    expect(stdout).toMatch(
      /made after the head of size 3 \(2026-.+Z\), before the head of size 4 \(/,
    )
  })
})

describe('attestry query statements', () => {
  it('has the filters of evidence', async () => {
    const { stdout } = await query(
      ...['statements', '--tee-type', 'tdx', '--debug', 'true', '--json'],
      ...['--tcb-svn-below', 'pcesvn:ffff', '--measurement', 'DD'.repeat(48)],
    )
    const { statements } = JSON.parse(stdout) as { statements: { index: number }[] }
    expect(statements.map(({ index }) => index)).toEqual([3])
  })
})
