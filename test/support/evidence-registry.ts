/** A registry whose policy asks for TEE evidence, followed by an index, and audited over HTTP. */
import { sha256 } from '../../src/bytes/digest.ts'
import { Follower } from '../../src/index/follow-log.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import type { IndexRecord } from '../../src/log/index-store.ts'
import type { AuditOptions, AuditReport } from '../../src/monitor/audit-log.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import type { TeeEvidencePolicy } from '../../src/policy/tee-evidence-policy.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import { findPreimage } from '../../src/registry/payloads.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { payloadNameOf } from '../../src/statement/payload-name.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { auditRegistry } from './audit-registry.ts'
import { recordsFrom } from './index-records.ts'
import { ISSUER, TestRegistry } from './test-registry.ts'
import type { TestRegistryOptions } from './test-registry.ts'

export class EvidenceRegistry {
  readonly service: TestRegistry
  readonly index: MemoryIndex
  readonly url: string
  #subjects = 0

  private constructor(service: TestRegistry, index: MemoryIndex, url: string) {
    this.service = service
    this.index = index
    this.url = url
  }

  /** Entry 2 is the policy. */
  static async create(
    teeEvidence: Omit<TeeEvidencePolicy, 'check'> | undefined,
    options: TestRegistryOptions = {},
  ): Promise<EvidenceRegistry> {
    const index = new MemoryIndex()
    const service = await TestRegistry.create({ index, ...options })
    const { url } = await service.listen()
    const registry = new EvidenceRegistry(service, index, url)
    if (teeEvidence !== undefined) {
      const check = 'verified@1' as const
      const policy = { teeEvidence: { check, ...teeEvidence } }
      await service.registry.register(await service.policyStatement(policy))
    }
    return registry
  }

  /** The current checkpoint as anybody gets it. */
  async checkpoint(): Promise<Uint8Array> {
    return this.service.registry.checkpoints.encode()
  }

  /** A statement with a container. */
  async evidence(
    container: TeeEvidence,
    changes: Partial<SignStatementRequest> = {},
  ): Promise<Uint8Array> {
    return this.statement(encodeTeeEvidence(container), {
      contentType: TEE_EVIDENCE_MEDIA_TYPE,
      ...changes,
    })
  }

  statement(payload: Uint8Array, changes: Partial<SignStatementRequest> = {}): Promise<Uint8Array> {
    const subject = `urn:evidence:${this.#subjects++}`
    const { signer } = this.service
    const usual = { subject, issuer: ISSUER, signer, contentType: 'application/octet-stream' }
    return signStatement({ payload, ...usual, ...changes })
  }

  /** Stores the content of a hash envelope, as its submitter does before registering it. */
  async store(statement: Uint8Array, bytes: Uint8Array): Promise<void> {
    const name = payloadNameOf(parseSignedStatement(statement))!
    const { store } = this.service.ports.payloads!
    await store.put({ name, sha256: sha256(bytes), bytes, storedAt: 0 })
  }

  /** Registers; returns the entry's id, or the rule and reason that refused it. */
  async register(statement: Uint8Array): Promise<string> {
    try {
      return (await this.service.registry.register(statement)).entryId
    } catch (error) {
      const { rule, message } = error as { readonly rule?: string; readonly message: string }
      if (rule === undefined) throw error
      return `${rule}: ${message}`
    }
  }

  async journal(): Promise<void> {
    const ports = { ...this.service.ports, log: this.service.log }
    await (await JournalWriter.open({ ports, signer: this.service.registrar })).write()
  }

  /** Brings the index up to date as a server does; all its records. */
  async records(): Promise<readonly IndexRecord[]> {
    const { service, index } = this
    const { store, ports } = service
    const follower = await Follower.open({
      ...{ log: store, index, sha256, verifier: nodeVerifier },
      readCheckpointKeys: async () => [
        ...ports.checkpointSigners.map((one) => verifierKeyOf(one, 'ed25519')),
        ...ports.retiredCheckpointKeys,
      ],
      readPreimage: (name) => findPreimage(name, ports.payloads!),
    })
    follower.release(service.log.currentHead().treeHead.treeSize)
    await follower.run()
    return (await recordsFrom(index, 0, 10_000)).records
  }

  /** Audits everything, the whole index included. @throws AuditFault */
  async audit(options: Partial<AuditOptions> = {}): Promise<AuditReport> {
    await this.records()
    const index = { lookups: Number.POSITIVE_INFINITY, seed: 'fixed' }
    return auditRegistry(this.service, this.url, { index, ...options })
  }

  close(): Promise<void> {
    return this.service.close()
  }
}
