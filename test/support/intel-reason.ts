/** How verification of synthetic Intel evidence ends: facts, or the reason why there are none. */
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import type { EvidenceFacts } from '../../src/payload/tee/evidence.ts'
import { verifyDcap } from '../../src/payload/tee/verify-dcap.ts'
import { evidenceReason } from './evidence-reason.ts'
import { makeDcap, makeIntelPki } from './intel-pki.ts'
import type { Dcap, DcapOptions, IntelPki } from './intel-pki.ts'

export const verify = (dcap: Dcap): Promise<EvidenceFacts> =>
  verifyDcap({ ...dcap, verifier: nodeVerifier })

export async function reasonOf(dcap: Dcap): Promise<string> {
  return verify(dcap).then(() => 'holds', evidenceReason)
}

export const reason = (options: DcapOptions): Promise<string> => reasonOf(makeDcap(options))
export const day = (text: string): Date => new Date(`${text}T00:00:00Z`)
/** The same names as those of `testIntel`, other keys. */
export const impostor: IntelPki = makeIntelPki()
