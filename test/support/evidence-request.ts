/** Requests to appraise evidence by synthetic vendors, for one log and one agent; each part can be changed. */
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { parseHash } from '../../src/merkle/hasher.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { encodeCheckpoint, signCheckpoint } from '../../src/note/checkpoint.ts'
import { verifierKeyOf, type NoteSigner } from '../../src/note/note-signer.ts'
import { appraiseEvidence } from '../../src/payload/tee/appraise-evidence.ts'
import type { Appraisal, AppraisalRequest } from '../../src/payload/tee/appraise-evidence.ts'
import { buildBinding } from '../../src/payload/tee/bindings.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { evidenceRejection } from './evidence-reason.ts'
import { makeDcap, type DcapOptions } from './intel-pki.ts'
import { noteSigner } from './note-keys.ts'
import { TEST_NOW } from './test-pki.ts'
import { testSigner } from './test-signer.ts'

export const ORIGIN = 'log.example/attestry'
export const signer = noteSigner(ORIGIN)
export const agent = testSigner('ES256').publicKey
export const stranger = testSigner('ES256').publicKey
export const root = (size: number): RootHash =>
  parseHash(sha256(Uint8Array.of(size))) as unknown as RootHash

export async function noteOf(size: number, by: NoteSigner = signer): Promise<Uint8Array> {
  const treeHead = { treeSize: treeSize(size), rootHash: root(size) }
  const { name: origin } = by
  return encodeCheckpoint(await signCheckpoint({ origin, treeHead, signers: [by] }))
}
export const note5 = await noteOf(5)

export const log: NonNullable<AppraisalRequest['log']> = {
  origin: ORIGIN,
  checkpointKeys: [verifierKeyOf(signer, 'ed25519')],
  head: { treeSize: 5, rootHash: root(5), registrationTime: TEST_NOW - 100 },
}
export const data = (low: Uint8Array, high: Uint8Array = new Uint8Array(32)): Uint8Array =>
  low.length === 64 ? low : concatBytes(low, high)

export function request(
  evidence: TeeEvidence,
  changes: Partial<AppraisalRequest> = {},
): AppraisalRequest {
  const signer = keyThumbprint(agent)
  return { evidence, at: TEST_NOW, pins: {}, limits: {}, signer, log, ...changes }
}
export function tdx(
  reportData: Uint8Array,
  container: Partial<TeeEvidence> = {},
  options: DcapOptions = {},
): AppraisalRequest {
  const { quote, collateral, roots } = makeDcap({ tee: 'tdx', reportData, ...options })
  return request(
    {
      format: 'tdx-quote',
      evidence: quote,
      collateral: encodeCollateral(collateral),
      ...container,
    },
    { pins: { intel: roots } },
  )
}
export const appraise = (asked: AppraisalRequest): Promise<Appraisal> =>
  appraiseEvidence(asked, nodeVerifier)
export const reason = (asked: AppraisalRequest): Promise<string> =>
  evidenceRejection(() => appraise(asked))
export const codes = ({ findings }: Appraisal): string[] => findings.map(({ code }) => code)

export const buildId = 'https://ci.example/runs/17'
export const build = { binding: { type: 'build', buildId }, checkpoint: note5 } as const
export const ofBuild = buildBinding({ buildId, key: agent, note: note5 })
