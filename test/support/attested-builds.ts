/**
 * A registry that verifies TEE evidence under a synthetic Intel, with build agents whose keys it trusts:
 * provenances, evidence that is bound to them, and an index of what was verified.
 */
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { Follower } from '../../src/index/follow-log.ts'
import { buildBinding, checkpointBinding } from '../../src/payload/tee/bindings.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import type { EvidenceBinding } from '../../src/payload/tee/container-binding.ts'
import { activeKeysOf } from '../../src/registry/log-keys.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { makeDcap, testIntel } from './intel-pki.ts'
import type { DcapOptions } from './intel-pki.ts'
import { provenanceOf } from './in-toto-samples.ts'
import type { SampleArtifact } from './in-toto-samples.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { ISSUER, TestRegistry } from './test-registry.ts'
import { nodeSignatureVerifier } from './node-signature-verifier.ts'
import { testSigner } from './test-signer.ts'

export type QuoteChanges = Omit<DcapOptions, 'reportData' | 'tee'>

/** What a quote is to be bound to. */
export type QuoteBinding =
  | { readonly type: 'key'; readonly agent: Signer }
  | { readonly type: 'payload'; readonly payload: Uint8Array }
  | { readonly type: 'build'; readonly agent: Signer; readonly buildId: string }
  | { readonly type: 'none' }

export class AttestedBuilds {
  readonly service: TestRegistry
  readonly index: MemoryIndex
  readonly agents: readonly Signer[]
  readonly url: string

  private constructor(parts: Pick<AttestedBuilds, 'service' | 'index' | 'agents' | 'url'>) {
    this.service = parts.service
    this.index = parts.index
    this.agents = parts.agents
    this.url = parts.url
  }

  /** Three agents, of which all may speak for the usual issuer; the third could pass for the second. */
  static async create(): Promise<AttestedBuilds> {
    const index = new MemoryIndex()
    const agents = [testSigner(), testSigner(), testSigner('EdDSA')]
    const service = await TestRegistry.create({
      index,
      anchors: agents.map(({ publicKey }, at) => {
        // The last one's anchor calls its key by the thumbprint of the second one's.
        const kid = keyThumbprint(agents[at === 2 ? 1 : at]!.publicKey)
        return { kind: 'cose-key' as const, key: { ...publicKey, kid }, issuers: [`${ISSUER}*`] }
      }),
    })
    const intel = [encodeHex(sha256(testIntel.root.der))]
    const policy = { teeEvidence: { check: 'verified@1' as const, roots: { intel } } }
    await service.registry.register(await service.policyStatement(policy))
    const { url } = await service.listen()
    return new AttestedBuilds({ service, index, agents, url })
  }

  async register(
    request: Partial<SignStatementRequest> & { readonly payload: Uint8Array },
  ): Promise<string> {
    const statement = await signStatement({
      ...{ issuer: ISSUER, subject: 'about a build', signer: this.agents[0]! },
      ...{ contentType: 'application/vnd.in-toto+json', ...request },
    })
    const { entryId } = await this.service.registry.register(statement)
    return entryId
  }

  provenance(
    artifact: SampleArtifact,
    run: string,
    agent: Signer = this.agents[0]!,
  ): Promise<string> {
    return this.register({ payload: provenanceOf([artifact], [], run), signer: agent })
  }

  /** Registers a TDX quote; with a checkpoint, made after the one that the registry publishes now. */
  async evidence(
    binding: QuoteBinding,
    quote: QuoteChanges = {},
    {
      checkpoint = false,
      by = this.agents[0]!,
      issuer = ISSUER,
    }: { checkpoint?: boolean; by?: Signer; issuer?: string } = {},
  ): Promise<string> {
    const note = checkpoint || binding.type === 'build' ? await this.note() : undefined
    const { reportData, declared } = bindQuote(binding, note)
    const { quote: evidence, collateral } = makeDcap({ tee: 'tdx', reportData, ...quote })
    const container: TeeEvidence = {
      ...{ format: 'tdx-quote', evidence, collateral: encodeCollateral(collateral) },
      ...(declared === undefined ? {} : { binding: declared }),
      ...(note === undefined ? {} : { checkpoint: note }),
    }
    const payload = encodeTeeEvidence(container)
    return this.register({ payload, contentType: TEE_EVIDENCE_MEDIA_TYPE, signer: by, issuer })
  }

  note(): Promise<Uint8Array> {
    return this.service.registry.checkpoints.encode()
  }

  /** Brings the index up to date, by the follower of a real registry. */
  async indexAll(): Promise<void> {
    const { log, store, ports } = this.service
    const follower = await Follower.open({
      ...{ log: store, index: this.index, sha256, verifier: nodeSignatureVerifier },
      readPreimage: async () => undefined,
      readCheckpointKeys: async () => activeKeysOf(ports.checkpointSigners),
    })
    follower.release(log.currentHead().treeHead.treeSize)
    await follower.run()
  }

  close(): Promise<void> {
    return this.service.close()
  }
}

function bindQuote(
  binding: QuoteBinding,
  note: Uint8Array | undefined,
): { readonly reportData: Uint8Array; readonly declared?: EvidenceBinding } {
  const high = note === undefined ? new Uint8Array(32) : checkpointBinding(note)
  switch (binding.type) {
    case 'key': {
      const low = keyThumbprint(binding.agent.publicKey)
      return { reportData: concatBytes(low, high), declared: { type: 'key' } }
    }
    case 'payload': {
      const payload = sha256(binding.payload)
      return { reportData: concatBytes(payload, high), declared: { type: 'payload', payload } }
    }
    case 'build': {
      const { buildId, agent } = binding
      const reportData = buildBinding({ buildId, key: agent.publicKey, note: note! })
      return { reportData, declared: { type: 'build', buildId } }
    }
    case 'none':
      return { reportData: new Uint8Array(64) }
  }
}
