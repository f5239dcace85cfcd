/**
 * Evidence that somebody tampered with, through the whole appraisal: whatever a mutation makes of the
 * evidence, its collateral, log or note, it is refused with a reason, or it says exactly what it said
 * before. And an appraisal says the same at both ends of the time for which it says to stand.
 */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { keyThumbprint } from '../../../src/cose/thumbprint.ts'
import type { Appraisal, AppraisalRequest } from '../../../src/payload/tee/appraise-evidence.ts'
import { checkpointBinding } from '../../../src/payload/tee/bindings.ts'
import { encodeCollateral, parseCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import type { TeeEvidence } from '../../../src/payload/tee/evidence-container.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport } from '../../support/amd-evidence.ts'
import { CPAK, makeCcaToken } from '../../support/cca-evidence.ts'
import { agent, appraise, build, data, note5, ofBuild, request, tdx } from '../../support/evidence-request.ts' // prettier-ignore
import { makeDcap } from '../../support/intel-pki.ts'
import { mutate, randomFrom, seed, slow } from '../../support/mutate.ts'
import { makeNitroDocument, makeNitroPki } from '../../support/nitro-evidence.ts'
import { makeRevocationList } from '../../support/test-crl.ts'
import { TEST_NOW } from '../../support/test-pki.ts'
import * as tpm from '../../support/tpm-evidence.ts'

const COUNT = slow ? 20_000 : 200

const rtmrData = [encodeUtf8('kernel'), encodeUtf8('command line')]
const eventLog = tpm.makeEventLog(rtmrData.map((bytes) => ({ register: 1, data: bytes })))
const rtmr0 = encodeHex(tpm.extend('sha384', rtmrData))
const amd = makeAmdPki()
const vcek = makeSnpKey(amd)
const ak = tpm.attestationKeys('P-256')
const nitro = makeNitroPki()
const key = keyThumbprint(agent)
const crls = [makeRevocationList({ ca: amd.ark, signature: 'pss' })]
const certificates = [vcek.der, amd.ask.der, amd.ark.der]

function quoted(extraData: Uint8Array): object {
  const quote = tpm.makeQuote({ extraData })
  return {
    message: [...quote],
    signature: [...tpm.signQuote(quote, ak, 'ecdsa')],
    pcrs: [...tpm.PCR_VALUES.values()].map((value) => [...value]),
  }
}
const json = (value: object): Uint8Array => encodeUtf8(JSON.stringify(value))

function sgx(): AppraisalRequest {
  const { quote: evidence, collateral, roots } = makeDcap({ reportData: data(key) })
  const parts = { evidence, collateral: encodeCollateral(collateral), binding: { type: 'key' } } as const // prettier-ignore
  return request({ format: 'sgx-quote', ...parts }, { pins: { intel: roots } })
}
async function nitroDocument(): Promise<AppraisalRequest> {
  const members = { user_data: key, nonce: checkpointBinding(note5) }
  const evidence = await makeNitroDocument(nitro, { members })
  const parts = { evidence, binding: { type: 'key' }, checkpoint: note5 } as const
  return request({ format: 'nitro-document', ...parts }, { pins: { aws: nitro.roots } })
}
function azure(): AppraisalRequest {
  const runtime = tpm.runtimeJson(ak.key)
  const report = makeSnpReport(vcek, { reportData: data(sha256(runtime)) })
  const evidence = json({ hcl_report: [...tpm.makeHclReport(report, runtime)], tpm_quote: quoted(key) }) // prettier-ignore
  const parts = { evidence, collateral: encodeCollateral({ certificates }), binding: { type: 'key' } } as const // prettier-ignore
  return request({ format: 'azure-vtpm', ...parts }, { pins: { amd: amd.roots } })
}

const SAMPLES: readonly (readonly [string, () => AppraisalRequest | Promise<AppraisalRequest>])[] =
  [
    ['a TD quote with an event log, of a build', () => tdx(ofBuild, { ...build, eventLog }, { domain: { rtmrs: [rtmr0] } })], // prettier-ignore
    ['an SGX quote', sgx],
    [
      'a SNP report with a list',
      () =>
        request(
          {
            ...{ format: 'snp-report', evidence: makeSnpReport(vcek, { reportData: data(key) }) },
            ...{ collateral: encodeCollateral({ certificates, crls }), binding: { type: 'key' } },
          },
          { pins: { amd: amd.roots } },
        ),
    ],
    ['a Nitro document', nitroDocument],
    ['a Nitro document, a day later', async () => ({ ...(await nitroDocument()), at: TEST_NOW + 86_400 })], // prettier-ignore
    [
      'a TPM quote',
      () =>
        request(
          { format: 'tpm-evidence', evidence: json({ tpm_quote: quoted(key) }), binding: { type: 'key' } }, // prettier-ignore
          { pins: { tpmKeys: [ak.key] } },
        ),
    ],
    ['a virtual TPM', azure],
    [
      'a CCA token',
      async () =>
        request(
          { format: 'cca-token', evidence: await makeCcaToken() },
          { pins: { ccaKeys: [CPAK.publicKey] } },
        ),
    ],
  ]

type Random = (n: number) => number

/** One of the parts of a container, mutated; a bundle of collateral stays one. */
function tamper(evidence: TeeEvidence, random: Random): TeeEvidence {
  const names = (['evidence', 'collateral', 'eventLog', 'checkpoint'] as const).filter(
    (name) => evidence[name] !== undefined,
  )
  const name = names[random(names.length)]!
  if (name !== 'collateral') return { ...evidence, [name]: mutate(evidence[name]!, random) }
  const parts = Object.entries(parseCollateral(evidence.collateral!)) as [string, Uint8Array | Uint8Array[]][] // prettier-ignore
  const at = random(parts.length)
  const [part, value] = parts[at]!
  const one = Array.isArray(value) ? random(value.length) : 0
  const changed = Array.isArray(value)
    ? value.map((bytes, index) => (index === one ? mutate(bytes, random) : bytes))
    : mutate(value, random)
  const bundle = Object.fromEntries(parts.map((each, index) => (index === at ? [part, changed] : each))) // prettier-ignore
  return { ...evidence, collateral: encodeCollateral(bundle) }
}

/** What others rely on. */
function claimsOf({ facts, platform, bindings }: Appraisal): unknown {
  const plain = [facts, platform].map((one) => one && { ...one, findings: [], validFrom: 0, validUntil: 0, platformCertificateSha256: '' }) // prettier-ignore
  return [plain, bindings]
}

describe.each(SAMPLES)('%s', (_, make) => {
  it('says what it said, or nothing, whatever is done to it', async () => {
    const asked = await make()
    const genuine = claimsOf(await appraise(asked))
    const random = randomFrom(seed)
    let refused = 0
    for (let count = 0; count < COUNT; count++) {
      const evidence = tamper(asked.evidence, random)
      try {
        expect(claimsOf(await appraise({ ...asked, evidence }))).toEqual(genuine)
      } catch (error) {
        if (!(error instanceof EvidenceError)) throw error
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(COUNT / 4)
  }, 600_000)

  it('says the same at both ends of its time', async () => {
    const asked = await make()
    const now = await appraise(asked)
    for (const at of [now.validFrom, now.validUntil].filter((time) => time < 2 ** 40)) {
      expect(await appraise({ ...asked, at })).toEqual(now)
    }
  })
})
