/**
 * The index of verified evidence under audit: everything that joins evidence, provenance and verdicts is
 * computed again from the log, with the policy and heads of its time, and every look-up of it is asked.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditFault, FAULT_EXIT_CODES } from '../../src/monitor/audit-fault.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import type { IndexRecord } from '../../src/log/index-store.ts'
import { AttestedBuilds } from '../support/attested-builds.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { hexOf, provenanceOf } from '../support/in-toto-samples.ts'

const INDEX = { lookups: Number.POSITIVE_INFINITY, seed: 'fixed' }
let builds: AttestedBuilds

beforeAll(async () => {
  builds = await AttestedBuilds.create()
  const [first, , third] = builds.agents
  const artifact = { name: 'pkg:oci/app@1', digest: { sha256: hexOf('app') } }
  const payload = provenanceOf([artifact], [], '1')
  await builds.register({ payload })
  await builds.evidence({ type: 'payload', payload }, {}, { checkpoint: true })
  await builds.evidence({ type: 'key', agent: first! }, { debug: true })
  const build = { type: 'build', agent: third!, buildId: 'https://ci.example/runs/1' } as const
  await builds.evidence(build, {}, { by: third! })
  await builds.evidence({ type: 'none' })
  const { service } = builds
  const ports = { ...service.ports, log: service.log }
  await (await JournalWriter.open({ ports, signer: service.registrar })).write()
  await builds.indexAll()
})
afterAll(() => builds.close())

async function audit(): Promise<object | undefined> {
  try {
    const options = { index: INDEX, isSampled: () => false }
    const { index } = await auditRegistry(builds.service, builds.url, options)
    return index
  } catch (error) {
    if (!(error instanceof AuditFault)) throw error
    return { code: FAULT_EXIT_CODES[error.kind], message: error.message, ...error.place }
  }
}

describe('an audit of verified evidence', () => {
  it('computes the same from public bytes, and finds it by every look-up', async () => {
    expect(await audit()).toMatchObject({ from: 0, notComparable: 0 })
  })

  it.each([
    ['takes evidence for bound that is not', 'evidence-not-bound', 7],
    ['hides a debug bit', 'debug-environment', 5],
  ])('names an entry where the index %s', async (_what, code, leafIndex) => {
    const { records } = await builds.index.findRecords([leafIndex as IndexRecord['leafIndex']])
    const [record] = records
    const findings = record!.description.findings.filter((one) => one.code !== code)
    expect(findings.length).toBeLessThan(record!.description.findings.length)
    await builds.index.replace([{ ...record!, description: { ...record!.description, findings } }])
    expect(await audit()).toMatchObject({ code: 19, leafIndex })
    await builds.index.replace([record!])
  })
})
