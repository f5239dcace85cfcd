/**
 * Every real piece of TEE evidence, signed by an admitted issuer and registered over HTTP at the clock
 * that ../shared/vectors/README.md states for it; at today's clock it is refused, or taken with a finding.
 */
import supertest from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeUtf8 } from '../../src/bytes/bytes.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import { signFittingStatement } from '../../src/statement/sign-fitting-statement.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { sampleEndorsers, sampleEvidence, TEE_SAMPLES, TODAY } from '../support/tee-samples.ts'
import type { TeeSample } from '../support/tee-samples.ts'
import { ISSUER } from '../support/test-registry.ts'
import { hasVectors } from '../support/vectors.ts'
import { binary, bytesOf } from './problem-body.ts'

let registry: EvidenceRegistry
afterEach(() => registry.close())

/** `registered`, or the rule and the reason. */
async function post(sample: TeeSample, subject: string): Promise<string> {
  const payload = encodeTeeEvidence(sampleEvidence(sample))
  const { signer } = registry.service
  const { bytes, hash } = await signFittingStatement({
    ...{ payload, contentType: TEE_EVIDENCE_MEDIA_TYPE, issuer: ISSUER, subject, signer },
  })
  if (hash !== undefined) await registry.store(bytes, payload)
  const sent = supertest(registry.url)
    .post('/entries')
    .set('Content-Type', 'application/cose')
    .set('Accept', 'application/cose, application/problem+json')
  const answer = await binary(sent.send(Buffer.from(bytes)))
  if (answer.status === 201) return 'registered'
  expect(answer.status).toBe(400)
  const problem = JSON.parse(decodeUtf8(bytesOf(answer))) as { rule: string; detail: string }
  return `${problem.rule}: ${problem.detail}`
}

/** Codes of the last entry's findings but the one about bindings, which none of them has. */
async function remarks(): Promise<readonly string[]> {
  const { description } = (await registry.records()).at(-1)!
  const codes = description.findings.map(({ code }) => code)
  expect(codes).toContain('evidence-not-bound')
  return codes.filter((code) => code !== 'evidence-not-bound').sort()
}

describe.skipIf(!hasVectors)('a real piece of evidence, over HTTP', () => {
  it.each(TEE_SAMPLES.map((sample) => [sample.name, sample] as const))('%s', async (_, sample) => {
    const { at, findings, refused, later } = sample
    const options = { startTime: at }
    registry = await EvidenceRegistry.create({ endorsers: sampleEndorsers() }, options)
    const then = await post(sample, 'urn:sample:then')
    if (refused === undefined) {
      expect(then).toBe('registered')
      expect(await remarks()).toEqual(findings)
    } else expect(then).toContain(`${refused}: `)

    registry.service.clock.time = TODAY
    const now = await post(sample, 'urn:sample:now')
    if (later instanceof RegExp) expect(now).toMatch(later)
    else {
      expect(now).toBe('registered')
      expect(await remarks()).toEqual(later)
    }
    await registry.journal()
    expect((await registry.audit()).index).toMatchObject({ notComparable: 0 })
  })

  it('in debug is refused where the policy says so', async () => {
    const sample = TEE_SAMPLES.find(({ name }) => name === 'TDX in debug')!
    registry = await EvidenceRegistry.create({ debug: 'refuse' }, { startTime: sample.at })
    expect(await post(sample, 'urn:sample')).toContain('debug: ')
  })
})

if (!hasVectors) console.warn('skipped: real evidence over HTTP needs shared/vectors')
