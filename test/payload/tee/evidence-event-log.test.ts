/** Event logs beside evidence, and evidence that was damaged: it is refused as evidence, never otherwise. */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { keyThumbprint } from '../../../src/cose/thumbprint.ts'
import type { AppraisalRequest } from '../../../src/payload/tee/appraise-evidence.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import { encodeTeeEvidence, parseTeeEvidence } from '../../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../../src/payload/tee/evidence-container.ts'
import {
  agent,
  appraise,
  build,
  codes,
  ofBuild,
  reason,
  request,
  tdx,
} from '../../support/evidence-request.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport } from '../../support/amd-evidence.ts'
import { mutate, randomFrom, seed, slow } from '../../support/mutate.ts'
import { makeNitroDocument, makeNitroPki } from '../../support/nitro-evidence.ts'
import { extend, makeEventLog } from '../../support/tpm-evidence.ts'

const kernel = encodeUtf8('kernel')
const initrd = encodeUtf8('initrd')
const data = concatBytes(keyThumbprint(agent), new Uint8Array(32))

/** Register 2 of a CCEL is RTMR 1. */
const ccel = (...measured: readonly Uint8Array[]): Uint8Array =>
  makeEventLog(measured.map((one) => ({ register: 2, data: one })))

function quoteWith(eventLog: Uint8Array): AppraisalRequest {
  const rtmr1 = encodeHex(extend('sha384', [kernel, initrd]))
  const zero = '00'.repeat(48)
  return tdx(
    data,
    { binding: { type: 'key' }, eventLog },
    { domain: { rtmrs: ['a0'.repeat(48), rtmr1, zero, zero] } },
  )
}

describe('an event log', () => {
  it('that leads to the attested registers; what it does not explain is told', async () => {
    const appraisal = await appraise(quoteWith(ccel(kernel, initrd)))
    expect(codes(appraisal)).toEqual(['event-log-incomplete'])
    expect(appraisal.findings[0]?.message).toContain('register 0')
  })

  it.each<[string, Uint8Array, string]>([
    ['another order', ccel(initrd, kernel), 'event-log-replay'],
    ['an event less', ccel(kernel), 'event-log-replay'],
    ['nothing', ccel(), 'event-log-replay'],
    ['garbage', Uint8Array.of(1, 2), 'event-log-malformed'],
  ])('of %s is refused', async (_, eventLog, expected) => {
    expect(await reason(quoteWith(eventLog))).toBe(expected)
  })

  it('of evidence that attests no registers is refused', async () => {
    const pki = makeNitroPki()
    const evidence = await makeNitroDocument(pki)
    const container = { format: 'nitro-document', evidence, eventLog: ccel(kernel) } as const
    expect(await reason(request(container, { pins: { aws: pki.roots } }))).toBe('malformed')
  })
})

describe('damaged evidence', () => {
  const amd = makeAmdPki()
  const vcek = makeSnpKey(amd)
  const snp = (): AppraisalRequest =>
    request(
      { format: 'snp-report', evidence: makeSnpReport(vcek, { reportData: data }) },
      { pins: { amd: amd.roots } },
    )
  const kinds: readonly (readonly [string, () => AppraisalRequest])[] = [
    ['a TD quote', () => tdx(ofBuild, build)],
    ['a SNP report', snp],
  ]

  it.each(kinds)('%s is appraised, or refused with an EvidenceError', async (_, make) => {
    const random = randomFrom(seed)
    const asked = make()
    const whole = encodeTeeEvidence(asked.evidence)
    for (let round = 0; round < (slow ? 5000 : 200); round++) {
      const bytes = mutate(whole, random)
      try {
        const evidence: TeeEvidence = parseTeeEvidence(bytes)
        await appraise({ ...asked, evidence })
      } catch (error) {
        if (!(error instanceof EvidenceError)) throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  })
})
