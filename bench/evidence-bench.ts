/**
 * `npm run bench -- --evidence`: what a piece of TEE evidence costs by its kind, and what a burst of
 * 1,000 quotes does to the registrations beside it, in one run on one server.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { concatBytes } from '../src/bytes/bytes.ts'
import { keyThumbprint } from '../src/cose/thumbprint.ts'
import { nodeVerifier } from '../src/keys/node-verifier.ts'
import { appraiseEvidence } from '../src/payload/tee/appraise-evidence.ts'
import type { AppraisalRequest } from '../src/payload/tee/appraise-evidence.ts'
import { encodeCollateral } from '../src/payload/tee/collateral-bundle.ts'
import { EvidenceError } from '../src/payload/tee/evidence.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../src/payload/tee/evidence-container.ts'
import { signStatement } from '../src/statement/sign-statement.ts'
import { dcapOfToday, ROOT_OF_TODAY } from '../test/support/evidence-of-today.ts'
import { sampleEndorsers, sampleEvidence, TEE_SAMPLES } from '../test/support/tee-samples.ts'
import { hasVectors } from '../test/support/vectors.ts'
import { check, number, quantile } from './figures.ts'
import { Connection } from './http-client.ts'
import { attestry, load, serveAttestry } from './processes.ts'
import { issuerFromPem } from './statements.ts'

const ROUNDS = 60
const BURST = 1000
const BURST_CONNECTIONS = 16
const PLAIN = 12_000
const CONCURRENCY = 64

export interface EvidenceBench {
  readonly pem: string
  readonly data: string
}

export async function evidenceReport(bench: EvidenceBench): Promise<string[]> {
  return [...(await kinds()), '', ...(await burst(bench))]
}

/** Milliseconds of every real sample, on one thread, from a container to its appraisal. */
async function kinds(): Promise<string[]> {
  if (!hasVectors) return ['Milliseconds by kind: skipped, shared/vectors is not here.']
  const { cca: ccaKeys, tpm: tpmKeys } = sampleEndorsers()
  const lines = ['| evidence | ms, median | ms, p99 |', '|---|---|---|']
  for (const sample of TEE_SAMPLES) {
    const evidence = sampleEvidence(sample)
    const request = { evidence, at: sample.at, pins: { ccaKeys, tpmKeys }, limits: {} }
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) times.push(await time(request))
    const measured = times.slice(ROUNDS / 6)
    const refused = sample.refused === undefined ? '' : `, refused: ${sample.refused}`
    lines.push(`| ${sample.name}${refused} | ${number(quantile(measured, 0.5), 2)} | ${number(quantile(measured, 0.99), 2)} |`) // prettier-ignore
  }
  return lines
}

async function time(request: AppraisalRequest): Promise<number> {
  const started = performance.now()
  try {
    await appraiseEvidence(request, nodeVerifier)
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
  }
  return performance.now() - started
}

/** A TD quote with collateral that holds today, by an Intel of our own. */
function containerOfToday(reportData: Uint8Array): Uint8Array {
  const { quote, collateral } = dcapOfToday({ reportData })
  return encodeTeeEvidence({
    ...{ format: 'tdx-quote', evidence: quote, collateral: encodeCollateral(collateral) },
    binding: { type: 'key' },
  })
}

async function burst({ pem, data }: EvidenceBench): Promise<string[]> {
  const signer = issuerFromPem(pem)
  const key = keyThumbprint(signer.publicKey)
  const container = containerOfToday(concatBytes(key, new Uint8Array(32)))
  const statements: Uint8Array[] = []
  for (let at = 0; at < BURST; at++) {
    statements.push(
      await signStatement({
        ...{ payload: container, contentType: TEE_EVIDENCE_MEDIA_TYPE, signer },
        ...{ issuer: 'https://bench.example', subject: `urn:quote:${at}` },
      }),
    )
  }
  const server = await serveAttestry(data)
  try {
    await setPolicy(data, server.port)
    const plain = (count: number) => load({ port: server.port, concurrency: CONCURRENCY, count, pem }) // prettier-ignore
    await plain(3000)
    const alone = await plain(PLAIN)
    const [beside, quotes] = await Promise.all([plain(PLAIN), post(server.port, statements)])
    const ratio = beside.registrationsPerSecond / alone.registrationsPerSecond
    return [
      `| plain registrations, ${CONCURRENCY} connections | per second | p99 ms | errors |`,
      '|---|---|---|---|',
      ...([['alone', alone], ['beside the quotes', beside]] as const).map(([name, m]) => `| ${name} | ${number(m.registrationsPerSecond)} | ${number(m.p99Ms, 1)} | ${JSON.stringify(m.errors)} |`), // prettier-ignore
      '',
      `- ${number(BURST)} quotes of ${number(statements[0]!.length)} bytes on ${BURST_CONNECTIONS} connections: ${number(quotes.perSecond)}/s, ` +
        `${quotes.refused} answered with something else than 201`,
      `- plain registrations keep ${number(ratio, 2)} of their rate (bar: ≥ 0.5): ${check(ratio >= 0.5)}`,
    ]
  } finally {
    await server.stop()
  }
}

/** A policy that has evidence verified under the root of this run. */
async function setPolicy(data: string, port: number): Promise<void> {
  const { policy } = JSON.parse(await attestry('policy', 'show', '--data', data, '--json')) as {
    readonly policy: object
  }
  const file = join(data, 'policy.json')
  const teeEvidence = { check: 'verified@1', roots: { intel: [`sha256:${ROOT_OF_TODAY}`] } }
  writeFileSync(file, JSON.stringify({ ...policy, teeEvidence }))
  const url = `http://127.0.0.1:${port}`
  await attestry('policy', 'set', file, '--key', join(data, 'keys', 'operator.pem'), '--url', url)
}

/** Posts everything as fast as the answers come. */
async function post(
  port: number,
  statements: readonly Uint8Array[],
): Promise<{ readonly perSecond: number; readonly refused: number }> {
  const started = performance.now()
  let [next, refused] = [0, 0]
  const client = async (): Promise<void> => {
    const connection = await Connection.open('127.0.0.1', port)
    for (let at = next++; at < statements.length; at = next++) {
      const { status } = await connection.post('/entries', statements[at]!)
      if (status !== 201) refused += 1
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: BURST_CONNECTIONS }, client))
  return { perSecond: statements.length / ((performance.now() - started) / 1000), refused }
}
